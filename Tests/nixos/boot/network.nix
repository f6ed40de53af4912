# A machine for each kind of initrd, one with an image of its store, and one for each kind whose disk never comes.
{
  script = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
  };
  systemd = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
    boot.initrd.systemd.enable = true;
  };
  image = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
    virtualisation.share = "image";
  };
  script-broken = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
    virtualisation.rootDevice = "/dev/vdz";
  };
  systemd-broken = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
    virtualisation.rootDevice = "/dev/vdz";
    boot.initrd.systemd.enable = true;
  };
}
