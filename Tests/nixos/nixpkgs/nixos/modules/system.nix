# Declarations as in nixpkgs' system/activation/top-level.nix, misc/{assertions,nixpkgs}.nix, and a system of that shape: what
# the modules of host/nixos only refer to is empty here.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
  inherit (config.system) build;

  failed = map (check: check.message) (builtins.filter (check: !check.assertion) config.assertions);
  checked = value:
    if failed != [ ] then
      throw "\nFailed assertions:\n${lib.concatMapStrings (message: "- ${message}\n") failed}"
    else
      lib.foldr lib.warn value config.warnings;
in
{
  options = {
    assertions = mkOption {
      type = types.listOf types.unspecified;
      default = [ ];
    };
    warnings = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
    nixpkgs.system = mkOption { type = types.str; };
    nixpkgs.config = mkOption {
      type = types.attrs;
      default = { };
    };
    nixpkgs.pkgs = mkOption {
      type = types.attrs // { description = "package set"; };
    };
    system.name = mkOption {
      type = types.str;
      default = if config.networking.hostName == "" then "unnamed" else config.networking.hostName;
    };
    system.build = mkOption {
      type = types.submoduleWith {
        modules = [ { freeformType = types.lazyAttrsOf types.unspecified; } ];
      };
      default = { };
    };
  };

  config = {
    _module.args.pkgs = import ../.. { inherit (config.nixpkgs) system config; };

    system.build.toplevel = checked (pkgs.runCommand "nixos-system-${config.system.name}" { } ''
      mkdir -p $out/sw/bin
      ln -s ${build.stage2} $out/init
      ln -s ${build.kernel} $out/kernel
      ln -s ${build.initialRamdisk}/${config.system.boot.loader.initrdFile} $out/initrd
      echo ${lib.escapeShellArg (toString config.boot.kernelParams)} >$out/kernel-params
      for package in ${toString config.environment.systemPackages}; do
        for program in $package/bin/*; do ln -sf $program $out/sw/bin/; done
      done
    '');

    environment.systemPackages = [ pkgs.busybox pkgs.nix ];
    boot.kernelParams = lib.optional (!config.networking.usePredictableInterfaceNames) "net.ifnames=0";
  };
}
