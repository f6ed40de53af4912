# `system.build.vm`: the network file of this VM alone, and the command that starts it.
{ config, lib, ... }:
let
  cfg = config.virtualisation;
  pkgs = cfg.host.pkgs;
  inherit (config.system) name;
  inherit (config.system.build) toplevel;

  describe = import ./plain/description.nix;
  networkFile = import ./plain/network-file.nix;
  runScript = import ./plain/run-script.nix;

  registration = pkgs.closureInfo { rootPaths = cfg.additionalPaths; };

  description = describe {
    inherit name;
    virtualisation = cfg;
    inherit (cfg.vmAgent) number;
    kernel = "${toplevel}/kernel";
    initrd = cfg.directBoot.initrd;
    system = "${toplevel}";
    kernelParameters =
      config.boot.kernelParams
      ++ lib.optionals (!cfg.useBootLoader) (map (console: "console=${console}") cfg.qemu.consoles);
    registrations = [ "${registration}/registration" ];
  };

  file = vm: pkgs.writeText "${name}.json" (networkFile {
    vms = [ vm ];
    backdoor = cfg.useBackdoor;
  });

  script = pkgs.writeScript "run-nixos-vm" (runScript {
    shell = pkgs.runtimeShell;
    vm = "${cfg.vmAgent.hostPackage}/bin/vm";
    networkFile = file description;
    networkFileWithoutDisk = if description ? diskImage then file (removeAttrs description [ "diskImage" ]) else null;
  });
in
{
  options.virtualisation.vmAgent.description = lib.mkOption {
    type = lib.types.attrs;
    readOnly = true;
    internal = true;
    description = "This VM as one of a network's file has it; build-vms.nix puts them together.";
  };

  config.virtualisation.vmAgent.description = description;

  config.system.build.vm = pkgs.runCommand "nixos-vm"
    {
      preferLocalBuild = true;
      meta.mainProgram = "run-${name}-vm";
    }
    ''
      mkdir -p $out/bin
      ln -s ${toplevel} $out/system
      ln -s ${file description} $out/network.json
      ln -s ${script} $out/bin/run-${name}-vm
    '';
}
