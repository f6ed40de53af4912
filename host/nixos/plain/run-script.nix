# The text of run-vms and of run-NAME-vm.
{
  # The shell's path, for the first line.
  shell,
  # The program `vm`.
  vm,
  # The network file, in the store.
  networkFile,
  # The same file with @disk-image@ where the disk's path is, for $NIX_DISK_IMAGE; null where that has no meaning: there are
  # several disks, or none.
  networkTemplate ? null,
}:
let
  ignoringDisk = ''
    network=${networkFile}
  '';

  heedingDisk = ''
    network=${networkFile}
    if [ -n "''${NIX_DISK_IMAGE:-}" ]; then
      # The same machine with another disk. The file is open and has no name any more when vm reads it, so nobody has to
      # remove it.
      image=$(readlink -f -- "$NIX_DISK_IMAGE")
      image=''${image//\\/\\\\}
      image=''${image//\"/\\\"}
      template=$(<${networkTemplate})
      file=$(mktemp "''${TMPDIR:-/tmp}/network.XXXXXXXXXX")
      printf '%s%s%s' "''${template%%@disk-image@*}" "$image" "''${template#*@disk-image@}" >"$file"
      exec 9<"$file"
      rm "$file"
      network=/dev/fd/9
      unset NIX_DISK_IMAGE
    fi
  '';
in
''
  #!${shell}
  # $QEMU_OPTS, $QEMU_NET_OPTS, $QEMU_KERNEL_PARAMS and $TMPDIR are vm's own concern; further arguments are those of `vm up`.
  set -e
''
+ (if networkTemplate == null then ignoringDisk else heedingDisk)
+ ''
  exec ${vm} up "$network" "$@"
''
