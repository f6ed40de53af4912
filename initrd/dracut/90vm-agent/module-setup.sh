#!/bin/bash
# Puts the agent, mke2fs and their kernel modules into an initramfs of dracut, as systemd units or as dracut's own hooks: see
# docs/other-initrds.md. $VM_AGENT is the agent, else it is the vm-agent of PATH.

# Only where it is asked for, with --add vm-agent: the machine that builds is seldom the guest.
check() {
  require_binaries mke2fs || return 1
  return 255
}

depends() {
  echo rootfs-block
  # Loads the modules where systemd is PID 1.
  if dracut_module_included systemd; then echo systemd-modules-load; fi
}

# The directory with `modules`, `guest.sh` and `systemd`: this module's own place may be a link to it.
shared() { echo "$(readlink -f "${moddir:?}")/../.."; }

modules() { grep -v '^#' "$(shared)/modules"; }

installkernel() {
  # The guest's hardware, not this machine's. What a kernel has built in, or not at all, is passed over.
  local module
  for module in $(modules) ext4; do hostonly='' instmods "$module"; done
}

install() {
  local agent=${VM_AGENT:-$(type -P vm-agent)}
  if ! [[ -x $agent ]]; then
    dfatal "vm-agent: there is no agent${agent:+ at $agent}; install vm-agent, or set VM_AGENT to its path"
    return 1
  fi
  inst_simple "$agent" /usr/bin/vm-agent
  # systemd spares processes whose name begins with @ when it stops the rest.
  ln -sf vm-agent "${initdir:?}/usr/bin/@vm-agent"
  inst_binary "$(type -P mke2fs)" /sbin/mke2fs
  inst_simple /etc/mke2fs.conf
  # For sessions in guests that bring no shell. One that is not static would not run in the guest's root.
  if [[ -x /bin/busybox ]] && ! ldd /bin/busybox &>/dev/null; then inst_simple /bin/busybox /bin/busybox; fi

  mkdir -p "$initdir/usr/lib/vm-agent"
  modules >"$initdir/usr/lib/vm-agent/modules"
  inst_simple "$(shared)/guest.sh" /usr/lib/vm-agent/guest.sh
  if dracut_module_included systemd; then install_units; else install_hooks; fi
}

install_units() {
  local unit
  mkdir -p "$initdir/usr/lib/modules-load.d"
  modules >"$initdir/usr/lib/modules-load.d/vm-agent.conf"
  for unit in connect post-device post-mount load-db; do
    inst_simple "$(shared)/systemd/vm-agent-$unit.service" "${systemdsystemunitdir:?}/vm-agent-$unit.service"
    systemctl --quiet --root "$initdir" enable "vm-agent-$unit.service"
  done
}

install_hooks() {
  inst_multiple modprobe cat
  inst_hook pre-udev 05 "$moddir/connect.sh"
  inst_hook pre-mount 05 "$moddir/post-device.sh"
  # Before dracut's own, which would not take a new filesystem for a root.
  inst_hook mount 05 "$moddir/mount-root.sh"
}
