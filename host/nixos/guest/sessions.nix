# The link to the host, and the sessions over it, once the system runs.
{ config, ... }:
{
  systemd.services.vm-agent = {
    description = "Sessions from the VM's host";
    # As early as can be: a start-up that hangs can be looked at.
    unitConfig.DefaultDependencies = false;
    wantedBy = [ "sysinit.target" ];
    # Sessions outlive a switch to another configuration.
    restartIfChanged = false;
    stopIfChanged = false;
    serviceConfig = {
      # systemd leaves a process alone whose argv[0] begins with @: it serves until the power is off. The first @ says that
      # argv[0] follows.
      ExecStart = "@${config.virtualisation.vmAgent.package}/bin/vm-agent @vm-agent connect";
      Restart = "always";
      # Sessions that were detached go on when the service is started anew.
      KillMode = "process";
      KillSignal = "SIGKILL";
    };
  };
}
