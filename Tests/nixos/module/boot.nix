# The agent's part in the guest's boot.
{ dist, lib, machine, ... }:
let
  script = machine [ ];
  systemd = machine [ { boot.initrd.systemd.enable = true; } ];
  agent = script.virtualisation.vmAgent.package;

  plain = builtins.unsafeDiscardStringContext;
  has = text: config: lib.hasInfix (plain text) (plain config);
  units = systemd.boot.initrd.systemd.services;
  order = unit: { inherit (unit) after before requiredBy; };
  words = config: lib.filter (word: word != "") (lib.splitString "\n" config);
in
{
  theScriptInitrdRunsTheAgentAtItsPlaces = {
    actual = {
      copies = has "copy_bin_and_libs ${agent}/bin/vm-agent" script.boot.initrd.extraUtilsCommands;
      formatter = has "/bin/mke2fs" script.boot.initrd.extraUtilsCommands;
      devices = lib.last (words script.boot.initrd.postDeviceCommands);
      mounts = words script.boot.initrd.postMountCommands;
      failure = has "vm-agent connect" script.boot.initrd.preFailCommands;
    };
    expected = {
      copies = true;
      formatter = true;
      devices = "vm-agent post-device || fail";
      mounts = [ "vm-agent post-mount \"$targetRoot\" || fail" ];
      failure = true;
    };
  };

  aSystemdInitrdHasUnitsAndNoScript = {
    actual = {
      scripts = map (name: systemd.boot.initrd.${name})
        [ "extraUtilsCommands" "extraUtilsCommandsTest" "postDeviceCommands" "postMountCommands" "preFailCommands" ];
      units = builtins.attrNames units;
      programs = builtins.attrNames systemd.boot.initrd.systemd.extraBin;
      unitsOfTheScript = script.boot.initrd.systemd.services;
      # nixpkgs' own checks, too.
      evaluates = builtins.isString systemd.system.build.toplevel.drvPath;
    };
    expected = {
      scripts = [ "" "" "" "" "" ];
      units = [ "vm-agent-connect" "vm-agent-post-device" "vm-agent-post-mount" ];
      programs = [ "mke2fs" "vm-agent" ];
      unitsOfTheScript = { };
      evaluates = true;
    };
  };

  theDiskIsFormattedBeforeItIsCheckedAndMounted = {
    actual = order units.vm-agent-post-device;
    expected = {
      after = [ "systemd-modules-load.service" "systemd-sysctl.service" ];
      before = [ "systemd-fsck-root.service" "sysroot.mount" "shutdown.target" ];
      requiredBy = [ "sysroot.mount" ];
    };
  };

  theStoreIsThereBeforeTheSystemIsLookedForInIt = {
    actual = order units.vm-agent-post-mount;
    expected = {
      after = [ "sysroot.mount" "vm-agent-post-device.service" ];
      before = [ "initrd-fs.target" "initrd-find-nixos-closure.service" "shutdown.target" ];
      requiredBy = [ "initrd-fs.target" "initrd-find-nixos-closure.service" ];
    };
  };

  theRegistrationIsLoadedInEitherKindOfBoot = {
    actual = map (config: has "${agent}/bin/vm-agent load-db" config.boot.postBootCommands)
      [ script systemd (machine [ { nix.enable = false; } ]) ];
    expected = [ true true false ];
  };

  sessionsAreServedByAProcessThatSystemdLeavesAlone = {
    actual = {
      inherit (script.systemd.services.vm-agent) wantedBy restartIfChanged;
      start = script.systemd.services.vm-agent.serviceConfig.ExecStart;
    };
    expected = {
      wantedBy = [ "sysinit.target" ];
      restartIfChanged = false;
      start = "@${agent}/bin/vm-agent @vm-agent connect";
    };
  };

  entropyComesBeforeWhatWaitsForIt = {
    actual = lib.head script.boot.initrd.kernelModules;
    expected = "virtio_rng";
  };

  theKindsOfSharesThatMayComeHaveTheirModules = {
    actual = map
      (virtualisation: lib.intersectLists [ "cifs" "9p" "virtiofs" "erofs" "overlay" ]
        (machine [ { inherit virtualisation; } ]).boot.initrd.availableKernelModules)
      [ { } { share = "9p"; } { useNixStoreImage = true; writableStore = false; } ];
    expected = [ [ "9p" "cifs" "erofs" "virtiofs" "overlay" ] [ "9p" "overlay" ] [ "erofs" ] ];
  };

  aBootLoaderWritesTheConsolesThatVmWritesOtherwise = {
    actual = map
      (useBootLoader:
        let
          config = machine [ { virtualisation = { inherit useBootLoader; graphics = false; }; } ];
          consoles = lib.filter (lib.hasPrefix "console=");
        in
        {
          system = consoles config.boot.kernelParams;
          vm = consoles config.virtualisation.vmAgent.description.kernelParameters;
          bootLoader = config.virtualisation.vmAgent.description.bootLoader or false;
        })
      [ false true ];
    expected = [
      { system = [ ]; vm = [ "console=tty0" "console=ttyS0,115200n8" ]; bootLoader = false; }
      { system = [ "console=tty0" "console=ttyS0,115200n8" ]; vm = [ "console=tty0" "console=ttyS0,115200n8" ]; bootLoader = true; }
    ];
  };

  theVariantForBuildVmCanHaveTheModuleAlone =
    let
      inherit (import <nixpkgs/nixos/lib/eval-config.nix> {
        modules = [
          {
            networking.hostName = "laptop";
            fileSystems."/".device = "/dev/sda1";
            virtualisation.vmVariant = {
              imports = [ ../../../host/nixos ];
              virtualisation.vmAgent.dist = /. + dist;
            };
          }
        ];
      }) config;
    in
    {
      actual = {
        machine = config.fileSystems."/".device;
        vm = config.virtualisation.vmVariant.fileSystems."/".device;
        program = config.system.build.vm.meta.mainProgram;
      };
      expected = {
        machine = "/dev/sda1";
        vm = "/dev/vda";
        program = "run-laptop-vm";
      };
    };

  qemuVmNixIsReplacedWhereItIsImported = {
    actual = builtins.isString (machine [ ({ modulesPath, ... }: { imports = [ "${modulesPath}/virtualisation/qemu-vm.nix" ]; }) ]).system.build.vm.drvPath;
    expected = true;
  };
}
