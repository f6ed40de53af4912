# Options of qemu-vm.nix that have another name here, or none: what to use instead.
{ lib, ... }:
let
  removed = path: lib.mkRemovedOptionModule ([ "virtualisation" ] ++ path);
  qemuIsChosenByVm = "vm puts QEMU's command line together; set virtualisation.qemu.options for more of it.";
  firmwareIsChosenByVm = "vm finds the firmware; set virtualisation.useEFIBoot to boot by UEFI.";
in
{
  imports = [
    (lib.mkRenamedOptionModule [ "virtualisation" "pathsInNixDB" ] [ "virtualisation" "additionalPaths" ])

    (removed [ "qemu" "package" ] "vm takes the QEMU of virtualisation.vmAgent.hostPackage.")
    (removed [ "qemu" "networkingOptions" ] "${qemuIsChosenByVm} $QEMU_NET_OPTS is added to the user network when the VM is started.")
    (removed [ "qemu" "drives" ] "${qemuIsChosenByVm} Disks are virtualisation.diskImage and virtualisation.emptyDiskImages.")
    (removed [ "qemu" "diskInterface" ] "Disks are always virtio.")
    (removed [ "qemu" "virtioKeyboard" ] qemuIsChosenByVm)
    (removed [ "qemu" "guestAgent" "enable" ] "vm-agent is in the guest: use vm exec, vm cp and vm ps.")
    (removed [ "msize" ] "vm chooses the size of 9p's messages.")
    (removed [ "interfaces" ] "Set virtualisation.vlans: interfaces are called eth1, eth2 and so on.")
    (removed [ "mountHostNixStore" ] "The host's store is always there; virtualisation.share says how.")
    (removed [ "directBoot" "enable" ] "Set virtualisation.useBootLoader to the contrary.")
    (removed [ "installBootLoader" ] "vm installs the boot loader on a boot disk when virtualisation.useBootLoader is set.")
    (removed [ "bootLoaderDevice" ] "vm installs the boot loader on a boot disk of its own.")
    (removed [ "useBIOSBoot" ] "A boot disk always has a partition for /boot; set virtualisation.useBootLoader.")
    (removed [ "useSecureBoot" ] firmwareIsChosenByVm)
    (removed [ "efi" ] firmwareIsChosenByVm)
    (removed [ "bios" ] firmwareIsChosenByVm)
    (removed [ "tpm" "package" ] "vm takes the swtpm of virtualisation.vmAgent.hostPackage.")
    (removed [ "tpm" "deviceModel" ] "vm chooses the TPM's model.")
    (removed [ "tpm" "provisioning" ] "Provision the TPM in the guest, with vm exec.")
    (removed [ "useHostCerts" ] "Share a directory with them: virtualisation.sharedDirectories.")
  ];
}
