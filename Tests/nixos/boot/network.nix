# A machine for each kind of initrd, and one for each whose disk never comes.
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
