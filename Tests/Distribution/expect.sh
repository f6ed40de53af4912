# For the parts: `fail` ends one with a reason.
set -euo pipefail
fail() {
  echo "$1" >&2
  exit 1
}
