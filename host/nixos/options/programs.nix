# Where the programs come from.
{ config, lib, options, pkgs, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.virtualisation;
in
{
  options.virtualisation = {
    host.pkgs = mkOption {
      type = options.nixpkgs.pkgs.type;
      default = pkgs;
      defaultText = lib.literalExpression "pkgs";
      description = "The package set of the programs that run on the host.";
    };

    vmAgent.dist = mkOption {
      type = types.path;
      # Beside the modules in a checkout; in an installation, the programs' own folder.
      default = if builtins.pathExists ../../../dist then ../../../dist else ../../../../bin;
      defaultText = lib.literalExpression "the folder dist of vm-agent's checkout, or bin of its installation";
      description = "The folder with `vm`, `vm-proxy` and `vm-agent`, as `make build` leaves it.";
    };

    vmAgent.package = mkOption {
      type = types.package;
      default = pkgs.callPackage ../packages/guest.nix { inherit (cfg.vmAgent) dist; };
      defaultText = lib.literalExpression "pkgs.callPackage host/nixos/packages/guest.nix { }";
      description = "The package with the guest's `bin/vm-agent`.";
    };

    vmAgent.hostPackage = mkOption {
      type = types.package;
      default = cfg.host.pkgs.callPackage ../packages/host.nix { inherit (cfg.vmAgent) dist; };
      defaultText = lib.literalExpression "config.virtualisation.host.pkgs.callPackage host/nixos/packages/host.nix { }";
      description = "The package with the host's `bin/vm`.";
    };
  };
}
