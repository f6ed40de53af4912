# After booting, the registration is loaded into the VM's Nix database. The agent learns from the kernel command line or from
# fw_cfg where it is, so that it can name the system itself: a reference to it in here would be a cycle.
{ config, lib, ... }:
let
  cfg = config.virtualisation;
in
{
  virtualisation.additionalPaths = [ config.system.build.toplevel ];

  # A registration that cannot be loaded stops no boot; the agent says why.
  boot.postBootCommands = lib.mkIf config.nix.enable ''
    ${cfg.vmAgent.package}/bin/vm-agent load-db || true
  '';
}
