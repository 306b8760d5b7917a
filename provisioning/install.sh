#!/usr/bin/env bash
# Makes this machine a Turnlight desk, or with --floor one that also provisions and runs a floor.
# A second run changes nothing. It works from an unpacked bundle (`./run bundle`) without a network,
# or from a checkout, where it makes the bundle first.
set -euo pipefail
umask 022
here=$(dirname "$(readlink -f "$0")")

usage() {
  cat <<'TEXT'
Usage: install.sh [--floor] [--uninstall]

  (nothing)     install or update the desk: user, programs, settings, service, rules for USB lights
  --floor       only the programs, with all that `turnlight provision`, `floor` and `page` need
  --uninstall   remove all of it, also the settings, the desk's key and windows not yet sent

Debian 12 or 13 or Raspberry Pi OS, as root.
TEXT
}

base=/opt/turnlight etc=/etc/turnlight state=/var/lib/turnlight user=turnlight
unit=/etc/systemd/system/turnlight.service
rules=/etc/udev/rules.d/60-turnlight-lamps.rules
link=/usr/local/bin/turnlight
changed=0

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
did() { changed=1; say "$*"; }
has() { command -v "$1" >/dev/null; }
systemd_runs() { [[ -d /run/systemd/system ]]; }

check_system() {
  ((EUID == 0)) || die "run this as root, as in: sudo $0"
  local ID=unknown ID_LIKE='' VERSION_ID=0
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ " $ID $ID_LIKE " == *" debian "* ]] && [[ $VERSION_ID == 1[23] ]] ||
    die "this is $ID $VERSION_ID; Debian 12 or 13 or Raspberry Pi OS is needed"
}

# What the bundle was made for: Python's tag and the machine, as in `cp311 aarch64`.
this_machine() { python3 -c 'import platform, sys; print("cp%d%d" % sys.version_info[:2], platform.machine())'; }

install_packages() {
  local missing=() by_hand
  has python3 && python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
  has openssl || missing+=(openssl)
  compgen -G '/usr/lib/*/libportaudio.so.2' >/dev/null || missing+=(libportaudio2)
  ((${#missing[@]})) || return 0
  by_hand="these packages are missing and cannot be fetched: ${missing[*]}"
  { apt-get -o DPkg::Lock::Timeout=900 update -qq &&
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=900 install -y -qq \
      --no-install-recommends "${missing[@]}"; } </dev/null >/dev/null || die "$by_hand"
  did "installed ${missing[*]}"
}

# A bundle is whole before anything of it is used.
check_bundle() {
  (cd "$1" && sha256sum --quiet --strict -c SHA256SUMS) >&2 ||
    die "$1 is damaged (above); copy the bundle again"
}

find_bundle() {
  if [[ -d $here/wheels ]]; then
    bundle=$here
  else
    say "making a bundle of this checkout"
    "$here/../run" bundle >&2 || die "the bundle could not be made (above)"
    bundle=$here/../build/bundle/turnlight
  fi
  check_bundle "$bundle"
}

check_target() {
  local made_for here_is
  made_for=$(<"$bundle/TARGET") here_is=$(this_machine)
  [[ $made_for == "$here_is" ]] ||
    die "this bundle is for $made_for and this machine is $here_is; make one on such a machine"
}

# Each version has a folder of its own, and one rename makes it the current one: whatever happens
# before that leaves the old version as it was.
install_programs() {
  local extras=$1 id now
  id=$(cat "$bundle/SHA256SUMS" - <<<"$extras" | sha256sum | cut -c1-12)
  now=$(readlink $base/current || true)
  [[ $now == "$id" && -x $base/$id/bin/turnlight ]] && return 0
  rm -rf "${base:?}/$id"
  mkdir -p $base
  python3 -m venv "$base/$id"
  "$base/$id/bin/python" -m pip install -q --disable-pip-version-check --no-index \
    --find-links "$bundle/wheels" "turnlight[$extras]" || die "pip failed (above)"
  "$base/$id/bin/turnlight" --version >/dev/null || die "the new version does not run (above)"
  ln -sfn "$id" $base/current.new
  mv -T $base/current.new $base/current
  [[ -L $base/bin ]] || ln -s current/bin $base/bin
  [[ $(readlink $link) == "$base/bin/turnlight" ]] || ln -sfn $base/bin/turnlight $link
  # the one before stays, to go back to by hand; older ones go
  local old
  for old in $base/*/; do
    old=$(basename "$old")
    [[ $old == bin || $old == current || $old == "$id" || $old == "$now" ]] || rm -rf "${base:?}/$old"
  done
  did "installed $($base/bin/turnlight --version) in $base/$id"
}

make_user() {
  if ! getent passwd $user >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir $state --shell /usr/sbin/nologin $user
    did "made the user $user"
  fi
  local group
  # the last two exist on Raspberry Pi OS only
  for group in audio plugdev gpio spi; do
    if getent group $group >/dev/null && ! id -nG $user | tr ' ' '\n' | grep -qx $group; then
      usermod -aG $group $user
      did "put $user into the group $group"
    fi
  done
}

make_settings() {
  if [[ ! -d $etc ]]; then
    install -d -m 750 -o $user -g $user $etc
    did "made $etc"
  fi
  [[ -e $etc/turnlight.toml ]] && return 0
  $base/bin/turnlight settings --service >$etc/turnlight.toml.new
  chown $user: $etc/turnlight.toml.new
  mv $etc/turnlight.toml.new $etc/turnlight.toml
  did "made $etc/turnlight.toml"
}

# FILE TARGET
copy() {
  cmp -s "$1" "$2" && return 1
  install -D -m 644 "$1" "$2"
  did "installed $2"
}

install_service() {
  if copy "$bundle/udev/60-turnlight-lamps.rules" $rules && systemd_runs; then
    udevadm control --reload && udevadm trigger --subsystem-match=usb --subsystem-match=hidraw
  fi
  copy "$bundle/systemd/turnlight.service" $unit || true
  if ! has systemctl; then
    ((changed)) && say "there is no systemd here, so nothing starts by itself"
    return 0
  fi
  systemctl is-enabled -q turnlight.service 2>/dev/null || { systemctl enable -q turnlight.service && did "enabled turnlight.service"; }
  systemd_runs || return 0
  ((changed)) && { systemctl daemon-reload; systemctl restart --no-block turnlight.service; }
  return 0
}

uninstall() {
  if has systemctl; then
    systemd_runs && systemctl stop turnlight.service 2>/dev/null
    systemctl disable -q turnlight.service 2>/dev/null || true
  fi
  local path
  for path in $unit $rules $link $base $etc $state /run/turnlight; do
    [[ -e $path || -L $path ]] && { rm -rf "$path"; did "removed $path"; }
  done
  getent passwd $user >/dev/null && { userdel $user; did "removed the user $user"; }
  getent group $user >/dev/null && groupdel $user
  systemd_runs && systemctl daemon-reload && udevadm control --reload
  ((changed)) || say "nothing to remove"
}

main() {
  local floor=0
  case ${1:-} in
    '') ;;
    --floor) floor=1 ;;
    --uninstall) check_system; uninstall; return 0 ;;
    -h | --help) usage; return 0 ;;
    *) usage >&2; return 2 ;;
  esac
  check_system
  [[ -d $here/wheels ]] && check_bundle "$here"
  install_packages
  find_bundle
  check_target
  if ((floor)); then
    install_programs floor,provision
  else
    install_programs gpio,spi,usb
    make_user
    make_settings
    install_service
  fi
  if ((changed)); then
    ((floor)) && say "next: turnlight provision site NAME --host HOST" ||
      say "next: turnlight enroll CODE --server HOST, then turnlight doctor"
  else
    say "nothing to do"
  fi
}

main "$@"
