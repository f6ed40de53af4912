# The NixOS module that makes `system.build.vm` a VM of vm-agent's: bin/run-NAME-vm. It takes the place of nixpkgs'
# qemu-vm.nix, has its options, and also replaces it where it is imported already (`virtualisation.vmVariant`).
{
  disabledModules = [ "virtualisation/qemu-vm.nix" ];

  imports = [
    ./options/boot.nix
    ./options/machine.nix
    ./options/network.nix
    ./options/programs.nix
    ./options/removed.nix
    ./options/storage.nix

    ./guest/disks.nix
    ./guest/initrd-modules.nix
    ./guest/network.nix
    ./guest/script-initrd.nix
    ./guest/services.nix
    ./guest/sessions.nix
    ./guest/store-database.nix
    ./guest/systemd-initrd.nix

    ./checks.nix
    ./vm.nix
  ];
}
