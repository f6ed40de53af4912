# What the hooks of other initrds share.

# Whether this machine is a guest that wants the agent: its launcher has put something for it into fw_cfg, or the kernel
# command line has one of its parameters. Any other machine boots as it would without the agent in its initrd.
is_guest() {
  [ -e /sys/firmware/qemu_fw_cfg/by_name/opt/vm-agent ] && return 0
  has_parameter 'vm.*' || has_parameter 'regInfo=*'
}

# Whether a word of the kernel command line matches the pattern.
has_parameter() {
  read -r words </proc/cmdline
  for word in $words; do
    # shellcheck disable=SC2254 # a pattern is meant
    case $word in $1) return 0 ;; esac
  done
  return 1
}

# Says what failed, and stays: the guest can be entered through its link and looked at, which a panic would end.
stay() {
  # An error, for a console that is told to be quiet.
  echo "<3>vm-agent: $1; this guest can be entered through its socket" >/dev/kmsg
  while :; do sleep 3600; done
}
