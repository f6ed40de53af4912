# Declarations as in nixpkgs' system/boot/{kernel,loader,stage-1,stage-2,luksroot}.nix and system/boot/systemd/initrd.nix.
{ config, lib, ... }:
let
  inherit (lib) mkOption types;
  lines = mkOption {
    type = types.lines;
    default = "";
  };
  list = type: mkOption {
    type = types.listOf type;
    default = [ ];
  };
  attributes = type: mkOption {
    type = types.attrsOf type;
    default = { };
  };
  text = default: mkOption {
    type = types.str;
    inherit default;
  };
  # A unit as systemd/unit-options has it, as far as the modules go.
  service = types.submodule {
    options = {
      description = text "";
      after = list types.str;
      before = list types.str;
      conflicts = list types.str;
      requires = list types.str;
      requiredBy = list types.str;
      wantedBy = list types.str;
      restartIfChanged = mkOption {
        type = types.bool;
        default = true;
      };
      stopIfChanged = mkOption {
        type = types.bool;
        default = true;
      };
      unitConfig = mkOption {
        type = types.attrsOf types.unspecified;
        default = { };
      };
      serviceConfig = mkOption {
        type = types.attrsOf types.unspecified;
        default = { };
      };
    };
  };
in
{
  options = {
    boot.kernelParams = list types.str;
    boot.postBootCommands = lines;
    boot.initrd = {
      availableKernelModules = list types.str;
      kernelModules = list types.str;
      extraUtilsCommands = lines;
      extraUtilsCommandsTest = lines;
      preDeviceCommands = lines;
      postDeviceCommands = lines;
      postMountCommands = lines;
      preFailCommands = lines;
      luks.devices = attributes types.unspecified;
      systemd.enable = lib.mkEnableOption "systemd in the initrd";
      systemd.extraBin = attributes types.path;
      systemd.storePaths = list types.path;
      systemd.services = attributes service;
    };
    boot.loader = {
      grub.device = text "";
      grub.gfxmodeBios = text "1024x768";
      supportsInitrdSecrets = mkOption {
        type = types.bool;
        default = true;
      };
    };
    system.boot.loader.initrdFile = text "initrd";
    system.requiredKernelConfig = list types.attrs;
    systemd.services = attributes service;
    lib = attributes types.attrs;
  };

  config.lib.kernelConfig = {
    isYes = option: { inherit option; };
    isEnabled = option: { inherit option; };
  };

  # As systemd/initrd.nix insists.
  config.assertions = lib.optionals config.boot.initrd.systemd.enable (map
    (name: {
      assertion = config.boot.initrd.${name} == "";
      message = "systemd stage 1 has no boot.initrd.${name}";
    })
    [ "extraUtilsCommands" "extraUtilsCommandsTest" "preDeviceCommands" "postDeviceCommands" "postMountCommands" "preFailCommands" ]);
}
