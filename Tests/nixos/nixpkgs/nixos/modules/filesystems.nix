# Declarations as in nixpkgs' tasks/filesystems.nix and config/swap.nix.
{ lib, ... }:
let
  inherit (lib) mkOption types;
  nonEmpty = types.addCheck types.str (text: builtins.match "[ \t\n]*" text == null);
in
{
  options = {
    fileSystems = mkOption {
      default = { };
      type = types.attrsOf (types.submodule ({ name, config, ... }: {
        options = {
          mountPoint = mkOption {
            type = nonEmpty;
            default = name;
          };
          device = mkOption {
            type = types.nullOr nonEmpty;
            default = null;
          };
          fsType = mkOption {
            type = nonEmpty;
            default = "auto";
          };
          options = mkOption {
            type = types.nonEmptyListOf nonEmpty;
            default = [ "defaults" ];
          };
          neededForBoot = mkOption {
            type = types.bool;
            default = false;
          };
          noCheck = mkOption {
            type = types.bool;
            default = false;
          };
        };
        config.device = lib.mkIf (config.fsType == "tmpfs") (lib.mkDefault "tmpfs");
      }));
    };

    swapDevices = mkOption {
      type = types.listOf types.attrs;
      default = [ ];
    };
  };
}
