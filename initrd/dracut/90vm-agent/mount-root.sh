#!/bin/sh
# Mounts the root and prepares it at once: a filesystem that is new has none of the directories by which dracut knows a root,
# and would be unmounted again.
. /usr/lib/vm-agent/guest.sh
# shellcheck disable=SC2154 # dracut's: block:/dev/vda
if is_guest && ! ismounted "$NEWROOT" && [ "${root#block:}" != "$root" ]; then
  mount -o rw "${root#block:}" "$NEWROOT" || stay "cannot mount ${root#block:}"
  vm-agent post-mount "$NEWROOT" </dev/null || stay "post-mount failed and said why"
  # A registration that cannot be loaded stops no boot.
  if has_parameter 'regInfo=*'; then vm-agent load-db --root "$NEWROOT" </dev/null || warn "the registration is not loaded"; fi
fi
