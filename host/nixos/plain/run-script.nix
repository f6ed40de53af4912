# The text of run-vms and of run-NAME-vm.
{
  # The shell's path, for the first line.
  shell,
  # The program `vm`.
  vm,
  # The network file, in the store.
  networkFile,
  # The same file without the disk's image, for $NIX_DISK_IMAGE: vm takes that one then. Null where the variable has no meaning:
  # there are several disks, or none.
  networkFileWithoutDisk ? null,
}:
''
  #!${shell}
  # $QEMU_OPTS, $QEMU_NET_OPTS, $QEMU_KERNEL_PARAMS, $NIX_DISK_IMAGE and $TMPDIR are vm's own concern; further arguments are those
  # of `vm up`.
  network=${networkFile}
''
+ (if networkFileWithoutDisk == null then "" else ''
  [ -z "''${NIX_DISK_IMAGE:-}" ] || network=${networkFileWithoutDisk}
'')
+ ''
  exec ${vm} up "$network" "$@"
''
