# Declarations as in nixpkgs' modules of these services.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  flag = default: mkOption {
    type = types.bool;
    inherit default;
  };
in
{
  options = {
    services.openssh.enable = flag false;
    services.httpd.enable = flag false;
    services.httpd.adminAddr = mkOption {
      type = types.nullOr types.str;
      default = null;
    };
    services.connman.enable = flag false;
    services.timesyncd.enable = flag true;
    services.xserver = {
      enable = flag false;
      videoDrivers = mkOption {
        type = types.listOf types.str;
        default = [ "modesetting" "fbdev" ];
      };
      defaultDepth = mkOption {
        type = types.int;
        default = 0;
      };
      monitorSection = mkOption {
        type = types.lines;
        default = "";
      };
      resolutions = mkOption {
        type = types.listOf (types.submodule {
          options.x = mkOption { type = types.int; };
          options.y = mkOption { type = types.int; };
        });
        default = [ ];
      };
    };
    environment.systemPackages = mkOption {
      type = types.listOf types.package;
      default = [ ];
    };
    environment.etc = mkOption {
      type = types.attrsOf (types.submodule {
        options.text = mkOption {
          type = types.nullOr types.lines;
          default = null;
        };
      });
      default = { };
    };
    documentation.nixos.enable = flag true;
    nix.enable = flag true;
  };
}
