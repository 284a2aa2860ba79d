# shellcheck shell=bash
# The cache folder, messages and locks. Sourced by every script in the folder above.
#
# What a script prints on stdout is its result (a path, an image, KEY=VALUE lines); whatever a
# person may want to read goes to stderr.

REAL_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PART=$(basename "$0")
CACHE=${CATALYST_CACHE:-$HOME/.cache/catalyst}

say() {
  printf '%s: %s\n' "$PART" "$*" >&2
}

die() {
  printf '%s: error: %s\n' "$PART" "$*" >&2
  exit 1
}

# fail_with_log LOG MESSAGE: ends the script with the last lines of what a quiet step printed.
fail_with_log() {
  tail -n 30 "$1" >&2 || true
  die "$2 (whole output: $1)"
}

# need PROGRAM HINT
need() {
  command -v "$1" >/dev/null || die "$1 is not on this machine: $2"
}

need_root() {
  [[ $(id -u) -eq 0 ]] || die "$1 needs root; run this script as root, or with sudo -E"
}

# lock NAME: holds a lock until the script ends, so that two runs do not make the same thing.
lock() {
  local file=$CACHE/lock/$1
  exec 9>"$file"
  if ! flock --nonblock 9; then
    say "another run is busy with $1, waiting for it"
    flock --timeout 1800 9 || die "the other run did not finish within 30 min (lock: $file)"
  fi
}

# scratch_dir: sets SCRATCH to a new folder in the cache that goes when the script ends.
scratch_dir() {
  mkdir -p "$CACHE/scratch"
  SCRATCH=$(mktemp -d "$CACHE/scratch/$PART.XXXXXX")
  trap 'rm -rf --one-file-system "$SCRATCH"' EXIT
}

case $CACHE in
  *[[:space:]]*) die "the cache folder must not hold blanks in its path: '$CACHE'" ;;
  /*) ;;
  *) CACHE=$PWD/$CACHE ;;
esac
mkdir -p "$CACHE/bin" "$CACHE/lock" "$CACHE/log"

# shellcheck source=../versions.env
source "$REAL_DIR/versions.env"
