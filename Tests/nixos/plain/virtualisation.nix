# What the options `virtualisation.*` of a configuration that says nothing are, as far as a description has them.
{
  accelerator = "auto";
  cores = 1;
  diskImage = "./test1.qcow2";
  diskSize = 1024;
  emptyDiskImages = [ ];
  ephemeral = false;
  forwardPorts = [ ];
  graphics = true;
  memorySize = 1024;
  qemu.options = [ ];
  restrictNetwork = false;
  share = "auto";
  sharedDirectories = { };
  tpm.enable = false;
  useBootLoader = false;
  useEFIBoot = false;
  vlans = [ 1 ];
  writableStore = true;
  writableStoreUseTmpfs = true;
}
