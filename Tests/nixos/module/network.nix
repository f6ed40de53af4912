# The guest's networks.
{ dist, lib, machine, network, ... }:
let
  inherit (network) nodes;
  addresses = config: builtins.mapAttrs (_: interface: interface.ipv4.addresses) config.networking.interfaces;
  address = text: [ { address = text; prefixLength = 24; } ];
in
{
  addressesFollowTheRuleOf2010 = {
    actual = builtins.mapAttrs (_: node: addresses node.config) nodes;
    expected = {
      test1 = {
        eth1 = address "192.168.1.1";
        eth2 = address "192.168.2.1";
      };
      test2.eth1 = address "192.168.1.2";
    };
  };

  everybodysNameIsInEveryHostsFile = {
    actual = map (node: node.config.networking.extraHosts) (builtins.attrValues nodes);
    expected =
      let
        hosts = "192.168.1.1 test1\n192.168.1.2 test2.example.org test2\n";
      in
      [ hosts hosts ];
  };

  aMachineSeesTheOthersConfigurations = {
    actual = builtins.mapAttrs (_: node: node.config.environment.etc.other.text) nodes;
    expected = {
      test1 = "192.168.1.2";
      test2 = "192.168.1.1";
    };
  };

  nothingInTheSystemTouchesTheAgentsInterface =
    let
      config = machine [ ];
    in
    {
      actual = {
        inherit (config.networking) useDHCP usePredictableInterfaceNames;
        dhcpcd = config.networking.dhcpcd.denyInterfaces;
        networkManager = config.networking.networkmanager.unmanaged;
        networkd = config.systemd.network.networks."00-vm-agent";
        interfaces = config.networking.interfaces;
      };
      expected = {
        useDHCP = false;
        usePredictableInterfaceNames = false;
        dhcpcd = [ "eth0" ];
        networkManager = [ "eth0" ];
        networkd = {
          matchConfig.Name = "eth0";
          linkConfig.Unmanaged = true;
        };
        interfaces = { };
      };
    };

  namesAreAskedOfTheUserNetwork = {
    actual = map (modules: (machine modules).networking.nameservers) [ [ ] [ { networking.nameservers = [ "10.1.1.1" ]; } ] ];
    expected = [ [ "10.0.2.3" ] [ "10.1.1.1" ] ];
  };

  aMachineThatIsAloneHasNoVlan =
    let
      config = machine [ ];
    in
    {
      actual = { inherit (config.networking) primaryIPAddress; inherit (config.virtualisation.vmAgent.description) vlans; };
      expected = {
        primaryIPAddress = "";
        vlans = [ ];
      };
    };

  useBackdoorIsForTheWholeNetwork = {
    actual = map
      (useBackdoor: map (node: node.config.virtualisation.useBackdoor) (builtins.attrValues (import ../../../host/nixos/build-vms.nix {
        inherit dist useBackdoor;
        nixpkgs = <nixpkgs>;
        networkExpr = ../network.nix;
      }).nodes))
      [ false true ];
    expected = [ [ false false ] [ true true ] ];
  };
}
