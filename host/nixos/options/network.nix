# The user network with its forwards, and the networks between VMs.
{ lib, ... }:
let
  inherit (lib) mkOption types;

  end = side: {
    address = mkOption {
      type = types.str;
      default = "";
      description = "The ${side}'s IPv4 address; empty for 127.0.0.1 on the host, and for the guest's own 10.0.2.15.";
    };
    port = mkOption {
      type = types.port;
      description = "The ${side}'s port.";
    };
  };
in
{
  options.virtualisation = {
    vlans = mkOption {
      type = types.listOf (types.ints.between 1 254);
      default = [ 1 ];
      example = [ 1 2 ];
      description = ''
        The networks between VMs that this one is on. For each number N it has one more interface, `eth1` for the first, with
        the address 192.168.N.M, where M is the VM's place in its network's list. A VM that is started alone has none.
      '';
    };

    forwardPorts = mkOption {
      type = types.listOf (types.submodule {
        options = {
          from = mkOption {
            type = types.enum [ "host" "guest" ];
            default = "host";
            description = "The side that connects. Only `host` can be asked for here.";
          };
          proto = mkOption {
            type = types.enum [ "tcp" "udp" ];
            default = "tcp";
            description = "The protocol.";
          };
          host = end "host";
          guest = end "guest";
        };
      });
      default = [ ];
      example = [
        {
          host.port = 2222;
          guest.port = 22;
        }
      ];
      description = "Ports of the host that lead to ports of the VM. The VM's firewall has to let them in.";
    };

    restrictNetwork = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the VM reaches neither the host nor the world; forwarded ports work all the same.";
    };

    vmAgent.number = mkOption {
      type = types.nullOr types.ints.positive;
      default = null;
      internal = true;
      description = "The VM's place in its network; `null` when it is alone.";
    };
  };

  options.networking = {
    primaryIPAddress = mkOption {
      type = types.str;
      default = "";
      internal = true;
      description = "The address by which the network's other VMs know this one, in their `/etc/hosts`.";
    };

    primaryIPv6Address = mkOption {
      type = types.str;
      default = "";
      internal = true;
      description = "As `networking.primaryIPAddress`; always empty, since the networks between VMs have IPv4 addresses.";
    };
  };
}
