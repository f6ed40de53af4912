# How the VM boots, and how it is entered.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.virtualisation;
in
{
  options.virtualisation = {
    useBackdoor = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether the VM is entered through a socket file: each connection to `./NAME.socket` is a root shell.
        `nixos-build-vms --use-backdoor` sets it for a whole network.
      '';
    };

    useBootLoader = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the VM boots through a boot loader on a boot disk, or QEMU loads kernel and initrd.";
    };

    useEFIBoot = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the VM's firmware is UEFI (OVMF), not a BIOS.";
    };

    bootPartition = mkOption {
      type = types.nullOr types.path;
      default = null;
      example = "/dev/disk/by-label/boot";
      description = "What a VM that boots through its boot loader mounts on `/boot`, read-only; `null` for nothing.";
    };

    directBoot.initrd = mkOption {
      type = types.str;
      default = "${config.system.build.initialRamdisk}/${config.system.boot.loader.initrdFile}";
      defaultText = lib.literalExpression ''"''${config.system.build.initialRamdisk}/''${config.system.boot.loader.initrdFile}"'';
      description = "The initrd. One of your own has to run the agent as this module's does.";
    };
  };
}
