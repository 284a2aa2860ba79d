# shellcheck shell=bash
# Installs Debian packages. Sourced after cache.sh.

# apt_install PACKAGE...: installs those that are missing; asks the index again only on failure.
apt_install() {
  local package missing=() log=$CACHE/log/apt-$PART.log
  need dpkg-query "this script installs Debian packages; elsewhere install $* by hand"
  for package; do
    # shellcheck disable=SC2016  # the format is dpkg-query's, not the shell's
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  need_root "installing ${missing[*]}"
  say "installing ${missing[*]} from Debian"
  (
    exec 8>"$CACHE/lock/apt"
    flock 8
    apt_get install "${missing[@]}" ||
      { apt_get update && apt_get install "${missing[@]}"; }
  ) >"$log" 2>&1 || fail_with_log "$log" "apt-get could not install ${missing[*]}"
}

apt_get() {
  DEBIAN_FRONTEND=noninteractive nice apt-get -q -y \
    -o DPkg::Lock::Timeout=300 -o APT::Install-Recommends=false "$@" 8>&- 9>&-
}
