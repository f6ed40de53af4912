# A configuration from modules, as nixpkgs' file of this name makes one, with the options that are declared beside it.
{ system ? builtins.currentSystem, modules }:
let
  lib = import <nixpkgs-lib/lib>;
in
lib.evalModules {
  specialArgs.modulesPath = toString ../modules;
  modules = modules ++ [
    ../modules/boot.nix
    ../modules/filesystems.nix
    ../modules/network.nix
    ../modules/services.nix
    ../modules/stage-1.nix
    ../modules/system.nix
    ../modules/systemd-stage-1.nix
    ../modules/virtualisation/build-vm.nix
    { nixpkgs.system = lib.mkDefault system; }
  ];
}
