# A network as in the announcement of 2010: two machines, both with openssh, and one with a web server.
{
  test1 = { nodes, ... }: {
    services.openssh.enable = true;
    virtualisation.vlans = [ 1 2 ];
    virtualisation.memorySize = 512;
    virtualisation.diskSize = 512;
    virtualisation.graphics = false;
    virtualisation.writableStore = false;
    # The command's --use-backdoor has the last word.
    virtualisation.useBackdoor = false;
    # What it knows of the other machine, as it is written today.
    environment.etc.other.text = nodes.test2.networking.primaryIPAddress;
  };

  test2 = { config, pkgs, nodes, ... }: {
    services.openssh.enable = true;
    services.xserver.enable = true;
    services.httpd.enable = true;
    services.httpd.adminAddr = "root@${config.networking.hostName}";
    networking.domain = "example.org";
    # … and as in 2010.
    environment.etc.other.text = nodes.test1.config.networking.primaryIPAddress;
  };
}
