#!/bin/sh
# Network, and a filesystem on the disk when it is proved empty, before the root is mounted.
. /usr/lib/vm-agent/guest.sh
if is_guest; then
  vm-agent post-device </dev/null || stay "post-device failed and said why"
fi
