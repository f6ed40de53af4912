# The guest's filesystems.
{ lib, machine, ... }:
let
  filesystems = modules: builtins.mapAttrs (_: fs: { inherit (fs) device fsType options; }) (machine modules).fileSystems;
  ofTheMachine = {
    fileSystems."/" = {
      device = "/dev/disk/by-label/nixos";
      fsType = "btrfs";
    };
    fileSystems."/home".device = "/dev/sda3";
    swapDevices = [ { device = "/dev/sda2"; } ];
    boot.initrd.luks.devices.crypted = { device = "/dev/sda1"; };
  };
in
{
  theMachinesOwnDisksAreNotTheVMs =
    let
      config = machine [ ofTheMachine ];
    in
    {
      actual = {
        fileSystems = filesystems [ ofTheMachine ];
        inherit (config) swapDevices;
        luks = config.boot.initrd.luks.devices;
      };
      expected = {
        fileSystems."/" = {
          device = "/dev/vda";
          fsType = "ext4";
          options = [ "defaults" ];
        };
        swapDevices = [ ];
        luks = { };
      };
    };

  unlessThatIsForced = {
    actual = builtins.attrNames (filesystems [ ofTheMachine { virtualisation.fileSystems = lib.mkForce { }; } ]);
    expected = [ "/" "/home" ];
  };

  filesystemsOfTheVMAloneAreAdded = {
    actual = (filesystems [ ofTheMachine { virtualisation.fileSystems."/data".device = "/dev/vdb"; } ])."/data".device;
    expected = "/dev/vdb";
  };

  withoutADiskTheRootIsATmpfs = {
    actual = filesystems [ { virtualisation.diskImage = null; } ];
    expected."/" = {
      device = "tmpfs";
      fsType = "tmpfs";
      options = [ "mode=755" ];
    };
  };

  theAgentKnowsAnotherDisk = {
    actual = map (rootDevice: lib.filter (lib.hasPrefix "vm.disk=") (machine [ { virtualisation = { inherit rootDevice; }; } ]).boot.kernelParams)
      [ "/dev/vda" "/dev/vdb" ];
    expected = [ [ ] [ "vm.disk=/dev/vdb" ] ];
  };

  aBootPartitionIsMountedOnlyWithABootLoader = {
    actual = map
      (useBootLoader: (filesystems [ { virtualisation = { inherit useBootLoader; bootPartition = "/dev/disk/by-label/boot"; }; } ])."/boot" or null)
      [ true false ];
    expected = [
      { device = "/dev/disk/by-label/boot"; fsType = "auto"; options = [ "ro" ]; }
      null
    ];
  };
}
