# The kernel modules that the agent needs before the root is there, for either kind of initrd.
{ config, lib, ... }:
let
  cfg = config.virtualisation;

  # What mounts the host's files. With `auto` the kind is chosen when the VM is started, and with `image` that of other directories.
  ofShares = {
    cifs = [ "cifs" "nls_utf8" ];
    "9p" = [ "9p" "9pnet_virtio" ];
    virtiofs = [ "virtiofs" ];
    image = [ "erofs" ];
  };
  isChosenLater = cfg.share == "auto" || (cfg.share == "image" && cfg.sharedDirectories != { });
  sharing = if isChosenLater then builtins.concatLists (builtins.attrValues ofShares) else ofShares.${cfg.share};
in
{
  # Loaded at once: entropy first, or mke2fs waits for it; then what the link and its token come through; then what
  # post-device waits for.
  boot.initrd.kernelModules =
    [ "virtio_rng" "qemu_fw_cfg" "virtio_console" "virtio_net" ]
    ++ lib.optional (cfg.diskImage != null || cfg.useBootLoader || cfg.share == "image") "virtio_blk";

  # Loaded when something is mounted or found.
  boot.initrd.availableKernelModules =
    [ "virtio_pci" "virtio_balloon" ]
    ++ sharing
    ++ lib.optional cfg.writableStore "overlay"
    ++ lib.optional cfg.tpm.enable "tpm_tis";

  system.requiredKernelConfig = with config.lib.kernelConfig; lib.optional cfg.writableStore (isEnabled "OVERLAY_FS") ++ [
    (isEnabled "VIRTIO_BLK")
    (isEnabled "VIRTIO_PCI")
    (isEnabled "VIRTIO_NET")
    (isEnabled "VIRTIO_CONSOLE")
    (isEnabled "FW_CFG_SYSFS")
    (isEnabled "EXT4_FS")
    (isYes "SERIAL_8250_CONSOLE")
  ];
}
