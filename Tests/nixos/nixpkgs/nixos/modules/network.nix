# Declarations as in nixpkgs' tasks/network-interfaces.nix, config/networking.nix, and the modules of network services.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  flag = default: mkOption {
    type = types.bool;
    inherit default;
  };
  names = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
in
{
  options.networking = {
    hostName = mkOption {
      type = types.strMatching "^$|^[[:alnum:]]([[:alnum:]_-]{0,61}[[:alnum:]])?$";
      default = "nixos";
    };
    domain = mkOption {
      type = types.nullOr types.str;
      default = null;
    };
    extraHosts = mkOption {
      type = types.lines;
      default = "";
    };
    nameservers = names;
    usePredictableInterfaceNames = flag true;
    useDHCP = flag true;
    wireless.enable = flag false;
    dhcpcd.denyInterfaces = names;
    networkmanager.unmanaged = names;
    interfaces = mkOption {
      default = { };
      type = types.attrsOf (types.submodule {
        options.ipv4.addresses = mkOption {
          default = [ ];
          type = types.listOf (types.submodule {
            options.address = mkOption { type = types.str; };
            options.prefixLength = mkOption { type = types.addCheck types.int (length: length >= 0 && length <= 32); };
          });
        };
      });
    };
  };

  options.systemd.network.networks = mkOption {
    default = { };
    type = types.attrsOf (types.submodule {
      options.matchConfig = mkOption {
        type = types.attrsOf types.unspecified;
        default = { };
      };
      options.linkConfig = mkOption {
        type = types.attrsOf types.unspecified;
        default = { };
      };
    });
  };
}
