# What boot.initrd.systemd is made into: an initrd with Debian's systemd and udev, the units as NixOS chooses them, and those that
# the modules declare. The system is found in the store as NixOS' initrd-find-nixos-closure.service finds it.
{ config, lib, pkgs, ... }:
let
  inherit (config.boot) initrd;

  upstreamUnits = [
    "basic.target" "emergency.service" "emergency.target" "final.target" "initrd-cleanup.service" "initrd-fs.target"
    "initrd-parse-etc.service" "initrd-root-device.target" "initrd-root-fs.target" "initrd-switch-root.service"
    "initrd-switch-root.target" "initrd.target" "kmod-static-nodes.service" "local-fs-pre.target" "local-fs.target" "paths.target"
    "poweroff.target" "rescue.service" "rescue.target" "shutdown.target" "slices.target" "sockets.target" "swap.target"
    "sysinit.target" "systemd-fsck-root.service" "systemd-fsck@.service" "systemd-journald-dev-log.socket"
    "systemd-journald.service" "systemd-journald.socket" "systemd-modules-load.service" "systemd-poweroff.service"
    "systemd-sysctl.service" "systemd-udev-trigger.service" "systemd-udevd-control.socket" "systemd-udevd-kernel.socket"
    "systemd-udevd.service" "timers.target" "umount.target"
  ];
  upstreamPrograms = [
    "/lib/systemd/systemd" "/lib/systemd/systemd-fsck" "/lib/systemd/systemd-journald" "/lib/systemd/systemd-modules-load"
    "/lib/systemd/systemd-shutdown" "/lib/systemd/systemd-sulogin-shell" "/lib/systemd/systemd-sysctl" "/lib/systemd/systemd-udevd"
    "/lib/systemd/system-generators/systemd-fstab-generator" "/bin/systemctl" "/bin/udevadm" "/bin/mount" "/bin/umount" "/sbin/sulogin"
    "/bin/kmod"
  ];
  # Debian's lvm2 would have a device mapper.
  rules = [ "50-udev-default.rules" "60-block.rules" "60-persistent-storage.rules" "80-drivers.rules" "99-systemd.rules" ];

  lines = name: value: lib.concatMapStrings (entry: "${name}=${entry}\n") (lib.toList value);
  text = value: if value == true then "yes" else if value == false then "no" else toString value;
  section = entries: lib.concatStrings (lib.mapAttrsToList (name: value: lines name (map text (lib.toList value))) entries);
  unit = service: ''
    [Unit]
    ${lines "Description" service.description}${lines "After" service.after}${lines "Before" service.before}
    ${lines "Conflicts" service.conflicts}${lines "Requires" service.requires}${section service.unitConfig}
    [Service]
    ${section service.serviceConfig}
  '';

  services = initrd.systemd.services // {
    initrd-find-nixos-closure = {
      description = "Find the system";
      after = [ ];
      before = [ "initrd.target" "shutdown.target" ];
      conflicts = [ "shutdown.target" ];
      requires = [ ];
      requiredBy = [ "initrd.target" ];
      wantedBy = [ ];
      unitConfig = {
        RequiresMountsFor = "/sysroot/nix/store";
        DefaultDependencies = false;
      };
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        ExecStart = "${find}";
      };
    };
  };
  find = pkgs.writeScript "find-nixos-closure" ''
    #!/bin/sh
    for word in $(cat /proc/cmdline); do case $word in init=*) init=''${word#init=} ;; esac; done
    [ -L "/sysroot$init" ] || { echo "there is no $init" >/dev/console; exit 1; }
    # By these systemd knows a root and an initrd's end.
    mkdir -p /sysroot/etc /sysroot/proc /sysroot/sys /sysroot/dev /sysroot/run
    echo ID=nixos >/sysroot/etc/os-release
  '';

  units = pkgs.runCommand "initrd-units" { } ''
    mkdir $out
    for unit in ${toString upstreamUnits}; do cp -a /lib/systemd/system/$unit $out/; done
    mkdir $out/sysinit.target.wants $out/sockets.target.wants
    for unit in systemd-journald systemd-modules-load systemd-sysctl systemd-udevd systemd-udev-trigger kmod-static-nodes; do
      ln -s ../$unit.service $out/sysinit.target.wants/
    done
    for unit in systemd-journald systemd-journald-dev-log systemd-udevd-control systemd-udevd-kernel; do
      ln -s ../$unit.socket $out/sockets.target.wants/
    done
    ln -s initrd.target $out/default.target
    ${lib.concatStrings (lib.mapAttrsToList
      (name: service: ''
        cp ${pkgs.writeText "unit" (unit service)} $out/${name}.service
        for target in ${toString service.wantedBy}; do mkdir -p $out/$target.wants; ln -s ../${name}.service $out/$target.wants/; done
        for target in ${toString service.requiredBy}; do mkdir -p $out/$target.requires; ln -s ../${name}.service $out/$target.requires/; done
      '')
      services)}
  '';
in
{
  config = lib.mkIf initrd.systemd.enable {
    system.build.initrdUnits = units;
    # NixOS writes an fstab for the initrd; Debian's systemd understands these.
    boot.kernelParams =
      let
        root = config.fileSystems."/";
      in
      [ "root=${root.device}" "rootfstype=${root.fsType}" "rw" "systemd.show_status=1" "systemd.log_target=kmsg" ];
    boot.initrd.kernelModules = [ "autofs4" ];

    system.build.initialRamdisk = pkgs.runCommand "initrd" { } ''
      mkdir -p $out root/nix/store root/usr/bin root/usr/lib root/usr/lib64 root/usr/sbin root/etc/udev/rules.d root/etc/modules-load.d
      mkdir -p root/etc/sysctl.d root/sysroot root/tmp root/run root/proc root/sys root/dev
      for name in bin lib lib64 sbin; do ln -s usr/$name root/$name; done
      for program in ${toString upstreamPrograms}; do
        install -D -m 755 $program root$program
        for library in $(ldd $program | grep -o '/[^ ]*'); do [ -e root$library ] || install -D -m 755 $library root$library; done
      done
      cp -a ${pkgs.busybox}/bin/busybox root/bin/
      for applet in $(busybox --list); do
        [ -e root/bin/$applet ] || [ -e root/sbin/$applet ] || ln -s busybox root/bin/$applet
      done
      for name in modprobe; do ln -sf /bin/kmod root/sbin/$name; done
      mkdir -p root/etc/systemd root/usr/lib/udev/rules.d
      cp -a ${units} root/etc/systemd/system
      for file in ${toString rules}; do cp /lib/udev/rules.d/$file root/usr/lib/udev/rules.d/; done
      ${lib.concatStrings (lib.mapAttrsToList
        (name: program: ''
          ln -sf ${program} root/bin/${name}
          ln -sf ${program} root/sbin/${name}
        '')
        initrd.systemd.extraBin)}
      cp -a ${config.virtualisation.vmAgent.package} ${pkgs.e2fsprogs} ${find} root/nix/store/
      mkdir -p root/usr/lib/modules
      cp -a ${config.system.build.modulesClosure}/lib/modules/. root/usr/lib/modules/
      printf '%s\n' ${toString initrd.kernelModules} >root/etc/modules-load.d/nixos.conf
      echo kernel.modprobe = /sbin/modprobe >root/etc/sysctl.d/nixos.conf
      printf '[Manager]\nDefaultEnvironment=PATH=/bin:/sbin\n' >root/etc/systemd/system.conf
      echo ID=nixos | tee root/etc/initrd-release >root/etc/os-release
      printf 'root:x:0:0:root:/root:/bin/sh\n' >root/etc/passwd
      printf 'root::::::::\n' >root/etc/shadow
      printf 'root:x:0:\n' >root/etc/group
      ln -s /lib/systemd/systemd root/init
      (cd root && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet | gzip -1) >$out/${config.system.boot.loader.initrdFile}
    '';
  };
}
