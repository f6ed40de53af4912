# What cannot work is said when the configuration is evaluated, with the way out.
{ config, lib, ... }:
let
  cfg = config.virtualisation;

  forwardChecks = lib.concatLists (lib.imap1
    (place: rule: [
      {
        assertion = rule.from == "host";
        message = ''
          virtualisation.forwardPorts, entry ${toString place}: only ports of the host can be forwarded (from = "host"). For
          an address in the guest's network that leads to the host, set QEMU_NET_OPTS when the VM is started:
          guestfwd=tcp:10.0.2.100:80-cmd:nc 127.0.0.1 80
        '';
      }
      {
        assertion = rule.guest.address == "" || rule.guest.address == "10.0.2.15" || rule.from == "guest";
        message = "virtualisation.forwardPorts, entry ${toString place}: the guest's address is always 10.0.2.15; leave guest.address out.";
      }
    ])
    cfg.forwardPorts);

  shareChecks = lib.mapAttrsToList
    (name: share: {
      assertion = lib.hasPrefix "/" share.source && builtins.match ".*[$`\"'\\].*" share.source == null;
      message = ''
        virtualisation.sharedDirectories.${name}.source is ${share.source}: it must be an absolute path on the host without
        quotation marks or variables, since no shell reads it.
      '';
    })
    cfg.sharedDirectories;
in
{
  assertions = forwardChecks ++ shareChecks ++ [
    {
      assertion = cfg.diskImage != null -> cfg.rootDevice != null || !cfg.useDefaultFilesystems;
      message = "virtualisation.rootDevice is null, but the VM has a disk: set virtualisation.diskImage to null for a tmpfs root.";
    }
    {
      assertion = lib.unique cfg.vlans == cfg.vlans;
      message = "virtualisation.vlans has a network twice: a machine has one interface on each.";
    }
    {
      assertion = cfg.diskImage != null || !cfg.ephemeral;
      message = "virtualisation.ephemeral drops what is written to the disk, but virtualisation.diskImage is null: there is none.";
    }
    {
      assertion = cfg.writableStore -> cfg.writableStoreUseTmpfs || cfg.diskImage != null;
      message = ''
        virtualisation.writableStoreUseTmpfs is false, which puts the store's writable layer on the VM's disk, but
        virtualisation.diskImage is null: there is none.
      '';
    }
  ];
}
