# The agent's parts as units of a systemd initrd.
{ config, lib, pkgs, ... }:
let
  agent = config.virtualisation.vmAgent.package;

  oneshot = command: {
    Type = "oneshot";
    RemainAfterExit = true;
    ExecStart = "/bin/vm-agent ${command}";
  };
in
{
  boot.initrd.systemd = lib.mkIf config.boot.initrd.systemd.enable {
    # In /bin and /sbin.
    extraBin.vm-agent = "${agent}/bin/vm-agent";
    extraBin.mke2fs = "${pkgs.e2fsprogs}/bin/mke2fs";

    services.vm-agent-post-device = {
      description = "Network of the VM, and a filesystem on its empty disk";
      unitConfig.DefaultDependencies = false;
      # The drivers, and the name of the program that loads more of them.
      after = [ "systemd-modules-load.service" "systemd-sysctl.service" ];
      before = [ "systemd-fsck-root.service" "sysroot.mount" "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      requiredBy = [ "sysroot.mount" ];
      serviceConfig = oneshot "post-device";
    };

    services.vm-agent-post-mount = {
      description = "The host's files and store in the VM";
      unitConfig.DefaultDependencies = false;
      requires = [ "sysroot.mount" ];
      after = [ "sysroot.mount" "vm-agent-post-device.service" ];
      # The last looks for the system in the store.
      before = [ "initrd-fs.target" "initrd-find-nixos-closure.service" "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      requiredBy = [ "initrd-fs.target" "initrd-find-nixos-closure.service" ];
      serviceConfig = oneshot "post-mount /sysroot";
    };

    # Who comes in through the socket can look around and repair.
    services.vm-agent-connect = {
      description = "Sessions in a VM whose boot has failed";
      unitConfig.DefaultDependencies = false;
      wantedBy = [ "emergency.target" ];
      # In the system itself another service takes over.
      before = [ "initrd-switch-root.target" ];
      conflicts = [ "initrd-switch-root.target" ];
      serviceConfig = {
        ExecStart = "/bin/vm-agent connect";
        # It is deaf to others, so that no shell's hang-up ends it.
        KillSignal = "SIGKILL";
      };
    };
  };
}
