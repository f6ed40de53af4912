# A machine with the module of host/nixos, from a list of more modules: its `config`.
{ dist }:
modules:
(import <nixpkgs/nixos/lib/eval-config.nix> {
  modules = [
    ../../../host/nixos
    {
      networking.hostName = "test1";
      virtualisation.vmAgent.dist = /. + dist;
    }
  ] ++ modules;
}).config
