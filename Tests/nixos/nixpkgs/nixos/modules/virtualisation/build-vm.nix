# As nixpkgs' module of this name: what `nixos-rebuild build-vm` builds is the configuration with more modules.
{ config, extendModules, lib, ... }:
let
  variant = extendModules { modules = [ ./qemu-vm.nix ]; };
in
{
  options.virtualisation.vmVariant = lib.mkOption {
    inherit (variant) type;
    default = { };
    visible = "shallow";
  };

  config.system.build.vm = lib.mkDefault config.virtualisation.vmVariant.system.build.vm;
}
