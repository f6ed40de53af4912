# What the options of boot.nix and filesystems.nix are made into: an initrd whose script runs their commands in NixOS' order, and
# a stage 2 that runs boot.postBootCommands. Without $VM_KERNEL, an unpacked kernel package, the initrd has no modules.
{ config, lib, pkgs, ... }:
let
  inherit (config.boot) initrd;

  extraUtils = pkgs.runCommand "extra-utils" { } ''
    mkdir -p $out/bin
    copy_bin_and_libs() {
      # A link to busybox may have the name.
      rm -f $out/bin/''${1##*/}
      cp -L $1 $out/bin/
    }
    cp -a ${pkgs.busybox}/bin/. $out/bin/
    chmod u+w $out/bin
    ${initrd.extraUtilsCommands}
    ${initrd.extraUtilsCommandsTest}
  '';

  modules = initrd.kernelModules ++ initrd.availableKernelModules;
  kernelTree = builtins.getEnv "VM_KERNEL_TREE";
  modulesClosure = pkgs.runCommand "modules" { inherit kernelTree modules; } ''
    mkdir -p $out/lib/modules
    [ -n "$kernelTree" ] || exit 0
    release=$(cat $kernelTree/release)
    for module in $modules; do
      modprobe -d $kernelTree -S $release --show-depends $module 2>/dev/null | sed -n 's/^insmod //p'
    done | sort -u | while read -r file; do
      install -D -m 644 $file $out/''${file#$kernelTree/}
    done
    cp $kernelTree/lib/modules/$release/modules.{order,builtin} $out/lib/modules/$release/
    depmod -b $out $release
  '';

  mounts = lib.concatMapStrings
    (fs: ''
      mkdir -p $targetRoot${fs.mountPoint}
      mount -t ${fs.fsType} -o ${lib.concatStringsSep "," fs.options} ${fs.device} $targetRoot${fs.mountPoint} || fail
    '')
    (builtins.filter (fs: fs.mountPoint == "/" || fs.neededForBoot) (builtins.attrValues config.fileSystems));

  stage1 = pkgs.writeScript "stage-1-init" ''
    #!${extraUtils}/bin/ash
    targetRoot=/mnt-root
    export PATH=${extraUtils}/bin
    ln -s ${extraUtils}/bin /bin

    fail() {
      ${initrd.preFailCommands}
      echo "An error occurred in stage 1 of the boot process"
      read reply
    }

    mkdir -p /proc /sys /dev /run /etc /lib
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mount -t devtmpfs devtmpfs /dev
    mount -t tmpfs -o mode=0755 tmpfs /run
    for word in $(cat /proc/cmdline); do case $word in init=*) stage2Init=''${word#init=} ;; esac; done

    ln -s ${modulesClosure}/lib/modules /lib/modules
    echo ${extraUtils}/bin/modprobe >/proc/sys/kernel/modprobe
    for module in ${toString initrd.kernelModules}; do modprobe $module; done
    ${initrd.preDeviceCommands}
    # Where NixOS has udev.
    for alias in $(cat /sys/bus/*/devices/*/modalias); do modprobe -q $alias; done
    ${initrd.postDeviceCommands}
    mkdir -p $targetRoot
    ${mounts}
    ${initrd.postMountCommands}
    # NixOS' `pkill -9 -v -f '@'`: a process that has no @ in its words ends here.
    for directory in /proc/[0-9]*; do
      words=$(tr '\0' ' ' <$directory/cmdline)
      case $directory/$words in /proc/1/* | */ | *@*) ;; *) kill -9 ''${directory#/proc/} ;; esac
    done
    [ -L "$targetRoot$stage2Init" ] || fail
    mkdir -p $targetRoot/proc $targetRoot/sys $targetRoot/dev $targetRoot/run
    for directory in proc sys dev run; do mount --move /$directory $targetRoot/$directory; done
    exec env -i $(command -v switch_root) "$targetRoot" "$stage2Init"
  '';

  # systemd.exec's `ExecStart=@PROGRAM ARGV0 ARGUMENTS`, of the services that are wanted at once.
  start = service:
    let
      words = builtins.match "@([^ ]+) ([^ ]+) (.*)" service.serviceConfig.ExecStart;
    in
    "(exec -a ${builtins.elemAt words 1} ${builtins.elemAt words 0} ${builtins.elemAt words 2}) &\n";
  services = builtins.filter (service: builtins.elem "sysinit.target" service.wantedBy) (builtins.attrValues config.systemd.services);
in
{
  system.build.kernel = pkgs.runCommand "kernel" { inherit kernelTree; } ''
    if [ -n "$kernelTree" ]; then cp $kernelTree/boot/vmlinuz-$(cat $kernelTree/release) $out; else touch $out; fi
  '';

  system.build.modulesClosure = modulesClosure;

  system.build.initialRamdisk = lib.mkIf (!initrd.systemd.enable) (pkgs.runCommand "initrd" { } ''
    mkdir -p $out root/nix/store
    cp -a ${extraUtils} ${stage1} ${modulesClosure} root/nix/store/
    # What a program of extra-utils is only a wrapper around.
    cp -a ${pkgs.e2fsprogs} root/nix/store/
    ln -s ${stage1} root/init
    (cd root && find . -print0 | cpio -0 -o -H newc -R 0:0 --quiet | gzip -1) >$out/${config.system.boot.loader.initrdFile}
  '');

  # systemd's place is taken by a shell that starts the services and waits.
  system.build.stage2 = pkgs.writeScript "stage-2-init" ''
    #!${pkgs.busybox}/bin/sh
    export PATH=${extraUtils}/bin
    mkdir -p /etc /tmp /root /bin
    ln -sfn ${pkgs.busybox}/bin/sh /bin/sh
    hostname ${config.networking.hostName}
    printf '127.0.0.1 localhost\n%s' ${lib.escapeShellArg config.networking.extraHosts} >/etc/hosts
    echo "root:x:0:0:root:/root:${pkgs.busybox}/bin/sh" >/etc/passwd
    ${config.boot.postBootCommands}
    ${lib.concatMapStrings start services}
    trap 'umount -a -r; poweroff -f' USR2 TERM
    echo "stage 2 is up" >/dev/console
    while :; do sleep 3600 & wait $!; done
  '';
}
