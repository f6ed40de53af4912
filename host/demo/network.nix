# The demo system as a network of two VMs, test1 and test2: bin/run-vms, and bin/run-NAME-vm for each. What makes it are the parts
# of host/nixos that need no nixpkgs.
{
  # The program `vm`.
  vm,
  names ? [ "test1" "test2" ],
  shell ? "/bin/bash",
}:
let
  demo = import ./system.nix;
  describe = import ../nixos/plain/description.nix;
  networkFile = import ../nixos/plain/network-file.nix;
  runScript = import ../nixos/plain/run-script.nix;
  numbers = (import ../nixos/plain/addresses.nix).numbers names;

  build = name: attributes: script: derivation (attributes // {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    # The shell's own end is the builder's: Nix kills a builder that has closed its output, as programs do before they end.
    args = [ "-c" "set -e; export PATH=/bin:/usr/bin; ${script}\nexit 0" ];
  });

  write = name: text: build name { inherit text; passAsFile = [ "text" ]; } "cp $textPath $out";

  machine = name: describe {
    inherit name;
    number = numbers.${name};
    system = "${demo}";
    kernelParameters = [ ];
    registrations = [ "${demo}" ];
    virtualisation = {
      diskImage = "./${name}.qcow2";
      accelerator = "auto";
      cores = 1;
      diskSize = 512;
      emptyDiskImages = [ ];
      ephemeral = false;
      forwardPorts = [ ];
      graphics = false;
      memorySize = 512;
      qemu.options = [ ];
      restrictNetwork = true;
      share = "auto";
      sharedDirectories = { };
      tpm.enable = false;
      useBootLoader = false;
      useEFIBoot = false;
      vlans = [ 1 ];
      writableStore = true;
    };
  };

  file = name: vms: write "${name}.json" (networkFile {
    inherit vms;
    backdoor = true;
  });
  all = file "network" (map machine names);
  alone = name: changes: file name [ (removeAttrs (machine name) changes) ];

  script = name: files: write name (runScript ({ inherit shell vm; } // files));
in
build "demo-network" { } ''
  mkdir -p $out/bin
  ln -s ${all} $out/network.json
  cp ${script "run-vms" { networkFile = all; }} $out/bin/run-vms
  ${builtins.concatStringsSep "\n" (map
    (name: ''
      cp ${script "run-${name}-vm" {
        networkFile = alone name [ ];
        networkFileWithoutDisk = alone name [ "diskImage" ];
      }} $out/bin/run-${name}-vm
    '')
    names)}
  chmod +x $out/bin/*
''
