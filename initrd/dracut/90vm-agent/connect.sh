#!/bin/sh
# The link to the host, before anything that can fail: through it a guest can be entered whose boot has failed.
. /usr/lib/vm-agent/guest.sh
modprobe -q qemu_fw_cfg
if is_guest; then
  while read -r module; do modprobe -q "$module"; done </usr/lib/vm-agent/modules
  @vm-agent connect --initrd </dev/null >/dev/kmsg 2>&1 &
fi
