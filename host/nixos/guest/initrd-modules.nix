# The kernel modules that the agent needs before the root is there, for either kind of initrd.
{ config, lib, ... }:
let
  cfg = config.virtualisation;
in
{
  # Loaded at once: entropy first, or mke2fs waits for it; then what the link and its token come through; then what
  # post-device waits for.
  boot.initrd.kernelModules =
    [ "virtio_rng" "qemu_fw_cfg" "virtio_console" "virtio_net" ] ++ lib.optional (cfg.diskImage != null) "virtio_blk";

  # Loaded when something is mounted or found. Which of the shares' kinds it will be is decided when the VM is started.
  boot.initrd.availableKernelModules =
    [ "virtio_pci" "virtio_balloon" "cifs" "nls_utf8" "9p" "9pnet_virtio" "virtiofs" "erofs" "overlay" ]
    ++ lib.optional cfg.tpm.enable "tpm_tis";

  system.requiredKernelConfig = with config.lib.kernelConfig; [
    (isEnabled "VIRTIO_BLK")
    (isEnabled "VIRTIO_PCI")
    (isEnabled "VIRTIO_NET")
    (isEnabled "VIRTIO_CONSOLE")
    (isEnabled "FW_CFG_SYSFS")
    (isEnabled "EXT4_FS")
    (isEnabled "CIFS")
    (isEnabled "OVERLAY_FS")
    (isYes "SERIAL_8250_CONSOLE")
  ];
}
