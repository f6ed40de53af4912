# The VM's own filesystems instead of those of the machine that is configured. The host's files and the store are not among
# them: the agent mounts those.
{ config, lib, ... }:
let
  cfg = config.virtualisation;

  root =
    if cfg.diskImage == null then
      {
        device = "tmpfs";
        fsType = "tmpfs";
        options = [ "mode=755" ];
      }
    else
      {
        device = cfg.rootDevice;
        fsType = "ext4";
      };
in
{
  virtualisation.fileSystems = lib.mkMerge [
    (lib.mkIf cfg.useDefaultFilesystems { "/" = root; })
    (lib.mkIf (cfg.useBootLoader && cfg.bootPartition != null) {
      "/boot" = {
        device = cfg.bootPartition;
        options = [ "ro" ];
        noCheck = true;
      };
    })
  ];

  # `virtualisation.fileSystems = lib.mkForce { }` keeps the configuration's own.
  fileSystems = lib.mkIf (cfg.fileSystems != { }) (lib.mkVMOverride cfg.fileSystems);

  swapDevices = (if cfg.useDefaultFilesystems then lib.mkVMOverride else lib.mkDefault) [ ];
  boot.initrd.luks.devices = (if cfg.useDefaultFilesystems then lib.mkVMOverride else lib.mkDefault) { };

  boot.kernelParams = lib.optional (cfg.rootDevice != null && cfg.rootDevice != "/dev/vda") "vm.disk=${cfg.rootDevice}";

  # Nothing is installed on the VM's disk: where there is a boot disk, vm has made it.
  boot.loader.grub.device = lib.mkVMOverride "nodev";
  boot.loader.supportsInitrdSecrets = lib.mkIf (!cfg.useBootLoader) (lib.mkVMOverride false);
}
