# The virtual hardware.
{ config, lib, options, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.virtualisation;
in
{
  options.virtualisation = {
    memorySize = mkOption {
      type = types.ints.positive;
      default = 1024;
      description = "The VM's memory in MiB.";
    };

    cores = mkOption {
      type = types.ints.positive;
      default = 1;
      description = "The VM's processors; there may be more of them than the host has.";
    };

    graphics = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the VM has a window. Without one the serial console is on the terminal that starts the VM. The kernel speaks
        to both in either case; this decides which of them is `/dev/console`.
      '';
    };

    resolution = mkOption {
      type = options.services.xserver.resolutions.type.nestedTypes.elemType;
      default = {
        x = 1024;
        y = 768;
      };
      description = "The window's resolution.";
    };

    accelerator = mkOption {
      type = types.enum [ "auto" "kvm" "tcg" ];
      default = "auto";
      description = "What executes the VM's instructions; `auto` tries whether KVM works, and takes QEMU's translator if not.";
    };

    tpm.enable = lib.mkEnableOption "a TPM in the VM, emulated by swtpm";

    qemu.options = mkOption {
      # One string in 2010, a list today.
      type = types.coercedTo types.str (line: [ line ]) (types.listOf types.str);
      default = [ ];
      example = [ "-vga std" ];
      description = ''
        More options for QEMU. Each is split into words as a shell does; nothing is expanded, since no shell reads them.
      '';
    };

    qemu.consoles = mkOption {
      type = types.listOf types.str;
      default =
        let
          consoles = [ "ttyS0,115200n8" "tty0" ];
        in
        if cfg.graphics then consoles else lib.reverseList consoles;
      defaultText = lib.literalExpression ''[ "ttyS0,115200n8" "tty0" ], the other way round without graphics'';
      example = [ "tty1" ];
      description = "The devices that the kernel speaks to, `/dev/console` last.";
    };
  };
}
