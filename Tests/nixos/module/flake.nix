# The flake's outputs, with the stand-in for nixpkgs as its input.
{ dist, refuses, ... }:
let
  outputs = programs:
    let
      self = (import ../../../flake.nix).outputs {
        inherit self;
        nixpkgs = {
          outPath = toString ../nixpkgs;
          legacyPackages.x86_64-linux = import <nixpkgs> { system = "x86_64-linux"; } // {
            writeShellScriptBin = name: text: (import <nixpkgs> { }).writeScript name text;
          };
        };
        dist.outPath = programs;
      };
    in
    self;
  built = outputs dist;
  packages = built.packages.x86_64-linux;
  config = (import <nixpkgs/nixos/lib/eval-config.nix> { modules = [ built.nixosModules.default ]; }).config;
in
{
  theFlakesPackagesAreBuiltOfDist = {
    actual = builtins.mapAttrs (_: package: builtins.isString package.drvPath) packages;
    expected = {
      default = true;
      vm = true;
      vm-agent = true;
      nixos-build-vms = true;
    };
  };

  theFlakesAppsArePrograms = {
    actual = builtins.mapAttrs (_: app: app.type + " " + baseNameOf app.program) built.apps.x86_64-linux;
    expected = {
      default = "app vm";
      vm = "app vm";
      nixos-build-vms = "app nixos-build-vms";
    };
  };

  theFlakesModuleMakesAVM = {
    actual = [ (builtins.isString config.system.build.vm.drvPath) (config.virtualisation.vmAgent.package.drvPath == packages.vm-agent.drvPath) ];
    expected = [ true true ];
  };

  aFlakeWithoutDistSaysHowToGetIt = {
    actual = refuses (outputs "/dev/null").packages.x86_64-linux.vm.drvPath;
    expected = true;
  };
}
