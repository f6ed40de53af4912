# One machine as any other, and one whose disk never comes.
{
  whole = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
  };
  broken = {
    virtualisation.memorySize = 512;
    virtualisation.graphics = false;
    virtualisation.rootDevice = "/dev/vdz";
  };
}
