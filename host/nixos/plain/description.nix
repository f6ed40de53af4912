# One VM of the file that `vm up` reads: plain values in, plain values out.
{
  name,
  # The VM's place in its network, null when it is alone: then there is nobody on its vlans.
  number ? null,
  # Null for the kernel of $VM_KERNEL or of this machine.
  kernel ? null,
  # Null for one that vm makes.
  initrd ? null,
  # The store path whose `init` is run.
  system,
  kernelParameters,
  # Store paths to register in the guest's Nix database, or files with a registration.
  registrations,
  # The values of the module's options `virtualisation.*`.
  virtualisation,
}:
let
  words = import ./words.nix;
  cfg = virtualisation;

  share = name: {
    inherit name;
    inherit (cfg.sharedDirectories.${name}) source target writable;
  };

  forward = rule: {
    protocol = rule.proto;
    # Never the whole world unless that was asked for.
    hostAddress = if rule.host.address == "" then "127.0.0.1" else rule.host.address;
    hostPort = rule.host.port;
    guestPort = rule.guest.port;
  };
  # What vm does when a key is missing. A vm that has not learned one of these keys yet reads the file of every VM that says
  # nothing else there.
  defaults = {
    accelerator = "auto";
    bootLoader = false;
    cores = 1;
    efi = false;
    emptyDiskImages = [ ];
    ephemeral = false;
    forwards = [ ];
    qemuOptions = [ ];
    root = "disk";
    share = "auto";
    shares = [ ];
    tpm = false;
    writableStoreUseTmpfs = true;
  };
  isSaid = values: key: values.${key} != null && !(defaults ? ${key} && defaults.${key} == values.${key});
  said = values: removeAttrs values (builtins.filter (key: !isSaid values key) (builtins.attrNames values));
in
said {
  inherit name kernel initrd system kernelParameters;
  inherit (cfg) accelerator cores diskSize emptyDiskImages ephemeral graphics memorySize restrictNetwork share writableStore;
  pathsInNixDB = registrations;
  vlans = if number == null then [ ] else cfg.vlans;
  root = if cfg.diskImage == null then "tmpfs" else "disk";
  # One that is dropped is vm's own.
  diskImage = if cfg.ephemeral then null else cfg.diskImage;
  store = builtins.storeDir;
  shares = map share (builtins.attrNames cfg.sharedDirectories);
  forwards = map forward cfg.forwardPorts;
  qemuOptions = builtins.concatMap words cfg.qemu.options;
  bootLoader = cfg.useBootLoader;
  efi = cfg.useEFIBoot;
  tpm = cfg.tpm.enable;
  # Without a writable store there is no layer.
  writableStoreUseTmpfs = cfg.writableStoreUseTmpfs or true || !cfg.writableStore;
}
