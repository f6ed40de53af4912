# Disks, the store, and directories of the host.
{ config, lib, options, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.virtualisation;
in
{
  options.virtualisation = {
    diskSize = mkOption {
      type = types.ints.positive;
      default = 1024;
      description = "The size in MiB of the disk, when it is made.";
    };

    diskImage = mkOption {
      type = types.nullOr types.str;
      default = "./${config.system.name}.qcow2";
      defaultText = lib.literalExpression ''"./''${config.system.name}.qcow2"'';
      description = ''
        The image of the disk with the root filesystem, made when it does not exist, formatted when it is proved empty.
        `$NIX_DISK_IMAGE` takes its place when the VM is started. With `null` the root is a tmpfs.
      '';
    };

    ephemeral = mkOption {
      type = types.bool;
      default = false;
      description = "Whether what the VM writes to its disk is dropped when it ends.";
    };

    rootDevice = mkOption {
      type = types.nullOr types.path;
      default = "/dev/vda";
      description = "The disk with the root filesystem, as the VM sees it.";
    };

    emptyDiskImages = mkOption {
      type = types.listOf types.ints.positive;
      default = [ ];
      example = [ 512 ];
      description = "Sizes in MiB of more disks, `/dev/vdb` and on. Nothing formats them.";
    };

    useDefaultFilesystems = mkOption {
      type = types.bool;
      default = true;
      description = ''
        Whether the root filesystem is the one on the VM's disk, or a tmpfs without one; swap and LUKS are off then. Without
        this a configuration declares `virtualisation.fileSystems."/"` itself, and its initrd makes it.
      '';
    };

    # As `fileSystems`, but it counts in the VM only.
    fileSystems = options.fileSystems;

    share = mkOption {
      type = types.enum [ "auto" "cifs" "9p" "virtiofs" "image" ];
      default = if cfg.useNixStoreImage then "image" else "auto";
      defaultText = lib.literalExpression ''if config.virtualisation.useNixStoreImage then "image" else "auto"'';
      description = "How the host's store and directories reach the VM; `auto` is the fastest that works. `cifs` is that of 2010.";
    };

    useNixStoreImage = mkOption {
      type = types.bool;
      default = false;
      description = "Whether the store is an image of exactly the paths that are registered, and not the host's.";
    };

    writableStore = mkOption {
      type = types.bool;
      default = true;
      description = "Whether the VM can add paths to its store: a layer over the host's, which never sees them.";
    };

    writableStoreUseTmpfs = mkOption {
      type = types.bool;
      default = true;
      description = "Whether that layer is a tmpfs, gone when the VM ends. Otherwise it is on the VM's disk.";
    };

    additionalPaths = mkOption {
      type = types.listOf types.path;
      default = [ ];
      description = ''
        Store paths that are registered in the VM's Nix database with all that they reference. The VM sees the host's other
        paths too, but takes them for garbage. The name of 2010, `virtualisation.pathsInNixDB`, means the same.
      '';
    };

    sharedDirectories = mkOption {
      type = types.attrsOf (types.submodule {
        options = {
          source = mkOption {
            type = types.str;
            description = "The host's directory. It is not expanded: no shell reads it.";
          };
          target = mkOption {
            type = types.path;
            description = "Where the VM sees it.";
          };
          writable = mkOption {
            type = types.bool;
            default = false;
            description = "Whether the VM may write to it, as the user who starts the VM.";
          };
          securityModel = mkOption {
            type = types.enum [ "passthrough" "mapped-xattr" "mapped-file" "none" ];
            default = "mapped-xattr";
            description = "Accepted for qemu-vm.nix's sake and not used: files belong to the user who starts the VM.";
          };
        };
      });
      default = { };
      example = {
        sources = {
          source = "/home/me/sources";
          target = "/mnt/sources";
        };
      };
      description = "The host's directories that the VM sees.";
    };
  };
}
