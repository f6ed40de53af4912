# What vm is told.
{ lib, machine, network, refuses, ... }:
let
  described = modules: (machine modules).virtualisation.vmAgent.description;
  only = keys: lib.filterAttrs (key: _: builtins.elem key keys);
  inherit (network) nodes;
in
{
  theAnnouncementsNetworkIsDescribed = {
    actual = builtins.mapAttrs
      (_: node: removeAttrs node.config.virtualisation.vmAgent.description [ "kernel" "initrd" "system" "pathsInNixDB" ])
      nodes;
    expected =
      let
        both = {
          restrictNetwork = false;
          store = "/nix/store";
        };
      in
      {
        test1 = both // {
          name = "test1";
          vlans = [ 1 2 ];
          memorySize = 512;
          diskSize = 512;
          diskImage = "./test1.qcow2";
          graphics = false;
          writableStore = false;
          kernelParameters = [ "net.ifnames=0" "console=tty0" "console=ttyS0,115200n8" ];
        };
        test2 = both // {
          name = "test2";
          vlans = [ 1 ];
          memorySize = 1024;
          diskSize = 1024;
          diskImage = "./test2.qcow2";
          graphics = true;
          writableStore = true;
          kernelParameters = [ "net.ifnames=0" "console=ttyS0,115200n8" "console=tty0" ];
        };
      };
  };

  theKernelAndTheInitAreTheSystems =
    let
      inherit (nodes.test1.config.system.build) toplevel initialRamdisk;
    in
    {
      actual = only [ "kernel" "initrd" "system" ] nodes.test1.config.virtualisation.vmAgent.description;
      expected = {
        kernel = "${toplevel}/kernel";
        initrd = "${initialRamdisk}/initrd";
        system = "${toplevel}";
      };
    };

  optionsReachTheDescription = {
    actual = only
      [ "accelerator" "cores" "memorySize" "diskSize" "emptyDiskImages" "ephemeral" "restrictNetwork" "share" "shares" "forwards" "tpm" ]
      (described [
        {
          virtualisation = {
            accelerator = "tcg";
            cores = 3;
            memorySize = 2048;
            diskSize = 4096;
            emptyDiskImages = [ 512 256 ];
            ephemeral = true;
            restrictNetwork = true;
            share = "9p";
            tpm.enable = true;
            sharedDirectories.src = {
              source = "/home/me/src";
              target = "/mnt/src";
              writable = true;
            };
            forwardPorts = [
              {
                host.port = 2222;
                guest.port = 22;
              }
            ];
          };
        }
      ]);
    expected = {
      accelerator = "tcg";
      cores = 3;
      memorySize = 2048;
      diskSize = 4096;
      emptyDiskImages = [ 512 256 ];
      ephemeral = true;
      restrictNetwork = true;
      share = "9p";
      tpm = true;
      shares = [ { name = "src"; source = "/home/me/src"; target = "/mnt/src"; writable = true; } ];
      forwards = [ { protocol = "tcp"; hostAddress = "127.0.0.1"; hostPort = 2222; guestPort = 22; } ];
    };
  };

  qemuOptionsOf2010AndOfTodayMeanTheSame = {
    actual = map (options: (described [ { virtualisation.qemu = { inherit options; }; } ]).qemuOptions) [ "-vga std" [ "-vga std" ] ];
    expected = [ [ "-vga" "std" ] [ "-vga" "std" ] ];
  };

  aStoreImageIsAWayToShare = {
    actual = map (virtualisation: only [ "share" "store" "writableStore" ] (described [ { inherit virtualisation; } ]))
      [ { useNixStoreImage = true; } { share = "image"; } { share = "image"; useNixStoreImage = false; } ];
    expected = lib.genList (_: { share = "image"; store = "/nix/store"; writableStore = true; }) 3;
  };

  theShareThatIsSaidCountsMoreThanTheImage = {
    actual = (described [ { virtualisation = { useNixStoreImage = true; share = "cifs"; }; } ]).share;
    expected = "cifs";
  };

  anImagesGuestHasWhatItIsMountedWith = {
    actual = map (virtualisation: lib.intersectLists [ "erofs" "overlay" ] (machine [ { inherit virtualisation; } ]).boot.initrd.availableKernelModules)
      [ { share = "image"; } { share = "image"; writableStore = false; } ];
    expected = [ [ "erofs" "overlay" ] [ "erofs" ] ];
  };

  theStoresLayerMayBeOnTheDisk = {
    actual = map (virtualisation: (described [ { inherit virtualisation; } ]).writableStoreUseTmpfs or null) [
      { writableStoreUseTmpfs = false; }
      { writableStoreUseTmpfs = false; writableStore = false; }
      { }
    ];
    expected = [ false null null ];
  };

  theVmIsCalledAsItsHost = {
    actual = only [ "name" "diskImage" ] (described [ { networking.hostName = lib.mkForce "web"; } ]);
    expected = {
      name = "web";
      diskImage = "./web.qcow2";
    };
  };

  pathsInNixDBIsTheOldNameOfAdditionalPaths =
    let
      config = machine [ { virtualisation.pathsInNixDB = [ "/nix/store/abc-extra" ]; } ];
    in
    {
      actual = lib.sort (a: b: a < b) (map toString config.virtualisation.additionalPaths);
      expected = lib.sort (a: b: a < b) [ "/nix/store/abc-extra" "${config.system.build.toplevel}" ];
    };

  whatVmCannotDoIsRefused = {
    actual = builtins.mapAttrs (_: virtualisation: refuses (machine [ { inherit virtualisation; } ]).system.build.toplevel.drvPath) {
      aForwardFromTheGuest.forwardPorts = [ { from = "guest"; host.port = 80; guest.port = 80; guest.address = "10.0.2.10"; } ];
      anotherGuestAddress.forwardPorts = [ { host.port = 80; guest.port = 80; guest.address = "10.0.2.16"; } ];
      aRelativeShare.sharedDirectories.src = { source = "src"; target = "/mnt"; };
      aShareWithAVariable.sharedDirectories.src = { source = "/home/$USER"; target = "/mnt"; };
      anEphemeralTmpfs = { diskImage = null; ephemeral = true; };
      aStoresLayerOnNoDisk = { diskImage = null; writableStoreUseTmpfs = false; };
      aDiskWithoutADevice.rootDevice = null;
      aNetworkTwice.vlans = [ 1 2 1 ];
      aNetworkWithoutAddresses.vlans = [ 0 ];
      nothing = { };
    };
    expected = {
      aForwardFromTheGuest = true;
      anotherGuestAddress = true;
      aRelativeShare = true;
      aShareWithAVariable = true;
      anEphemeralTmpfs = true;
      aStoresLayerOnNoDisk = true;
      aDiskWithoutADevice = true;
      aNetworkTwice = true;
      aNetworkWithoutAddresses = true;
      nothing = false;
    };
  };
}
