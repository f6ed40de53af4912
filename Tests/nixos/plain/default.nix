# The parts of host/nixos that need no `lib`.
let
  describe = import ../../../host/nixos/plain/description.nix;
  words = import ../../../host/nixos/plain/words.nix;
  addresses = import ../../../host/nixos/plain/addresses.nix;
  networkFile = import ../../../host/nixos/plain/network-file.nix;
  defaults = import ./virtualisation.nix;
  refuses = import ../refuses.nix;

  vm = changes: describe {
    name = "test1";
    kernel = "/boot/vmlinuz";
    initrd = "/boot/initrd";
    system = "/nix/store/abc-system";
    kernelParameters = [ "quiet" ];
    registrations = [ "/nix/store/def-closure/registration" ];
    virtualisation = defaults // changes;
  };
in
import ../rules.nix {
  aDescriptionSaysWhatVmCannotKnow = {
    actual = vm { };
    expected = {
      name = "test1";
      kernel = "/boot/vmlinuz";
      initrd = "/boot/initrd";
      system = "/nix/store/abc-system";
      store = builtins.storeDir;
      kernelParameters = [ "quiet" ];
      pathsInNixDB = [ "/nix/store/def-closure/registration" ];
      diskImage = "./test1.qcow2";
      diskSize = 1024;
      graphics = true;
      memorySize = 1024;
      restrictNetwork = false;
      vlans = [ ];
      writableStore = true;
    };
  };

  anythingElseIsSaidWhenItIsAskedFor = {
    actual = builtins.intersectAttrs
      { accelerator = 0; bootLoader = 0; cores = 0; efi = 0; emptyDiskImages = 0; ephemeral = 0; share = 0; tpm = 0; writableStoreUseTmpfs = 0; }
      (vm {
        accelerator = "tcg";
        useBootLoader = true;
        cores = 2;
        useEFIBoot = true;
        emptyDiskImages = [ 512 ];
        ephemeral = true;
        share = "cifs";
        tpm.enable = true;
        writableStoreUseTmpfs = false;
      });
    expected = {
      accelerator = "tcg";
      bootLoader = true;
      cores = 2;
      efi = true;
      emptyDiskImages = [ 512 ];
      ephemeral = true;
      share = "cifs";
      tpm = true;
      writableStoreUseTmpfs = false;
    };
  };

  anEphemeralDiskHasNoImage = {
    actual = (vm { ephemeral = true; }) ? diskImage;
    expected = false;
  };

  aKernelThatIsNotGivenIsLeftToVm = {
    actual = builtins.intersectAttrs { kernel = null; initrd = null; } (describe {
      name = "test1";
      system = "/nix/store/abc-system";
      kernelParameters = [ ];
      registrations = [ ];
      virtualisation = defaults;
    });
    expected = { };
  };

  withoutADiskTheRootIsATmpfs = {
    actual = builtins.intersectAttrs { root = null; diskImage = null; } (vm { diskImage = null; });
    expected = { root = "tmpfs"; };
  };

  onlyAMachineOfANetworkIsOnItsVlans = {
    actual = map
      (number: (describe {
        inherit number;
        name = "test1";
        system = "/nix/store/abc-system";
        kernelParameters = [ ];
        registrations = [ ];
        virtualisation = defaults // { vlans = [ 1 7 ]; };
      }).vlans)
      [ null 2 ];
    expected = [ [ ] [ 1 7 ] ];
  };

  aShareKeepsItsNameAndIsReadOnlyUnlessItSaysOtherwise = {
    actual = (vm {
      sharedDirectories = {
        src = { source = "/home/me/src"; target = "/mnt/src"; writable = false; securityModel = "none"; };
        out = { source = "/home/me/out"; target = "/mnt/out"; writable = true; securityModel = "none"; };
      };
    }).shares;
    expected = [
      { name = "out"; source = "/home/me/out"; target = "/mnt/out"; writable = true; }
      { name = "src"; source = "/home/me/src"; target = "/mnt/src"; writable = false; }
    ];
  };

  aForwardListensOnTheLoopbackUnlessItSaysOtherwise = {
    actual = (vm {
      forwardPorts = [
        { from = "host"; proto = "tcp"; host = { address = ""; port = 2222; }; guest = { address = ""; port = 22; }; }
        { from = "host"; proto = "udp"; host = { address = "0.0.0.0"; port = 5353; }; guest = { address = ""; port = 53; }; }
      ];
    }).forwards;
    expected = [
      { protocol = "tcp"; hostAddress = "127.0.0.1"; hostPort = 2222; guestPort = 22; }
      { protocol = "udp"; hostAddress = "0.0.0.0"; hostPort = 5353; guestPort = 53; }
    ];
  };

  qemuOptionsAreSplitIntoWords = {
    actual = (vm { qemu.options = [ "-vga std" "-device" "virtio-gpu-pci" ]; }).qemuOptions;
    expected = [ "-vga" "std" "-device" "virtio-gpu-pci" ];
  };

  quotesKeepWordsTogether = {
    actual = words " -name  \"a b\" '-c d'e\"f g\" \t-x '' ";
    expected = [ "-name" "a b" "-c def g" "-x" "" ];
  };

  aLineOfBlanksHasNoWords = {
    actual = words " \t ";
    expected = [ ];
  };

  anOpenQuoteIsRefused = {
    actual = map (line: refuses (words line)) [ "-name \"a b" "-name 'a" "it's" ];
    expected = [ true true true ];
  };

  whatAShellWouldExpandIsRefused = {
    actual = map (line: refuses (words line)) [ "-m $MEMORY" "-m `cat m`" "a\\ b" "-m 512" ];
    expected = [ true true true false ];
  };

  machineMHasAddress192168NMOnVlanN = {
    actual = addresses.interfaces [ 3 1 ] 2;
    expected = [
      { name = "eth1"; address = "192.168.3.2"; }
      { name = "eth2"; address = "192.168.1.2"; }
    ];
  };

  othersKnowAMachineByItsFirstVlan = {
    actual = map (vlans: addresses.primaryAddress vlans 2) [ [ 3 1 ] [ ] ];
    expected = [ "192.168.3.2" "" ];
  };

  machinesAreNumberedInTheOrderOfTheirNames = {
    actual = addresses.numbers [ "client" "router" "server" ];
    expected = { client = 1; router = 2; server = 3; };
  };

  aNetworkHasAtMost254Machines = {
    actual = map (count: refuses (addresses.numbers (builtins.genList toString count))) [ 254 255 ];
    expected = [ false true ];
  };

  hostsNamesThoseThatHaveAnAddress = {
    actual = addresses.hosts [
      { address = "192.168.1.1"; names = [ "test1.example.org" "test1" ]; }
      { address = ""; names = [ "alone" ]; }
    ];
    expected = "192.168.1.1 test1.example.org test1\n";
  };

  theFileIsJSONWithTheMachinesAndTheBackdoor = {
    actual = builtins.fromJSON (networkFile { vms = [ (vm { }) ]; backdoor = true; });
    expected = { vms = [ (vm { }) ]; backdoor = true; };
  };
}
