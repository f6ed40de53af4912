# The agent's parts in the shell script that is stage 1 of NixOS when systemd is not.
{ config, lib, pkgs, ... }:
let
  agent = config.virtualisation.vmAgent.package;
in
{
  boot.initrd = lib.mkIf (!config.boot.initrd.systemd.enable) {
    extraUtilsCommands = ''
      copy_bin_and_libs ${agent}/bin/vm-agent
      copy_bin_and_libs ${pkgs.e2fsprogs}/bin/mke2fs
    '';

    extraUtilsCommandsTest = ''
      $out/bin/vm-agent --version
    '';

    # After the modules are loaded and the devices are there. The agent takes mke2fs from /sbin, where all other initrds
    # have it. `fail` is stage 1's own.
    postDeviceCommands = ''
      mkdir -p /sbin
      [ -e /sbin/mke2fs ] || ln -s /bin/mke2fs /sbin/mke2fs
      vm-agent post-device || fail
    '';

    postMountCommands = ''
      vm-agent post-mount "$targetRoot" || fail
    '';

    # Who comes in through the socket can look around and repair. Stage 1 ends this process with all others before stage 2,
    # where a service takes over.
    preFailCommands = ''
      if [ -z "$vmAgentConnects" ]; then
        vmAgentConnects=1
        vm-agent connect >/dev/null 2>&1 </dev/null &
      fi
    '';
  };
}
