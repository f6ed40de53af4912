# The VM's network. eth0 is the agent's: it has brought it up, with address and route, and the host's files come through it.
# Whatever took it down later would stop the system.
{ config, lib, ... }:
let
  addresses = import ../plain/addresses.nix;
in
{
  networking = {
    usePredictableInterfaceNames = false;
    useDHCP = false;
    dhcpcd.denyInterfaces = [ "eth0" ];
    networkmanager.unmanaged = [ "eth0" ];
    nameservers = lib.mkDefault [ addresses.userNetwork.nameserver ];
    # There is none in a VM.
    wireless.enable = lib.mkVMOverride false;
  };

  # Before all other networks of systemd-networkd.
  systemd.network.networks."00-vm-agent" = {
    matchConfig.Name = "eth0";
    linkConfig.Unmanaged = true;
  };

  # With the vlans' addresses it is also the one that others know.
  networking.interfaces = lib.mkIf (config.virtualisation.vmAgent.number != null) (builtins.listToAttrs (map
    (interface: {
      inherit (interface) name;
      value.ipv4.addresses = [
        {
          inherit (interface) address;
          prefixLength = 24;
        }
      ];
    })
    (addresses.interfaces config.virtualisation.vlans config.virtualisation.vmAgent.number)));

  networking.primaryIPAddress = lib.mkIf (config.virtualisation.vmAgent.number != null)
    (addresses.primaryAddress config.virtualisation.vlans config.virtualisation.vmAgent.number);
}
