# What a VM does otherwise than the machine that is configured.
{ config, lib, ... }:
let
  cfg = config.virtualisation;
in
{
  # It would take every interface for its own, the agent's too.
  services.connman.enable = lib.mkVMOverride false;

  # The VM's clock is the host's.
  services.timesyncd.enable = false;

  # The video card is QEMU's, whatever the machine has.
  services.xserver = {
    videoDrivers = lib.mkVMOverride [ "modesetting" ];
    defaultDepth = lib.mkVMOverride 0;
    resolutions = lib.mkVMOverride [ cfg.resolution ];
    # A refresh rate with which more than 800x600 works.
    monitorSection = ''
      HorizSync 30-140
      VertRefresh 50-160
    '';
  };
  boot.loader.grub.gfxmodeBios = "${toString cfg.resolution.x}x${toString cfg.resolution.y}";

  # Where QEMU loads the kernel, vm.nix adds them; a boot loader has only what is written here. systemd starts a getty on each
  # that is a serial port, and on tty1 to tty6.
  boot.kernelParams = lib.mkIf cfg.useBootLoader (map (console: "console=${console}") cfg.qemu.consoles);
}
