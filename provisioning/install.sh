#!/usr/bin/env bash
# Makes this machine a Turnlight desk, or with --floor one that also provisions and runs a floor.
# A second run changes nothing. It works from an unpacked bundle (`./run bundle`) without a network,
# or from a checkout, where it makes the bundle first. In the Debian package it is each of the
# maintainer scripts.
set -euo pipefail
umask 022
here=$(dirname "$(readlink -f "$0")")

usage() {
  cat <<'TEXT'
Usage: install.sh [--floor] [--key FILE] [BUNDLE.tar]
       install.sh --decide | --uninstall | --target

  (nothing)     install the desk: user, programs, settings, service, rules for USB lights
  --floor       only the programs, with all that `turnlight provision`, `floor` and `page` need
  --key FILE    from now on trust the releases that this public key has signed
  BUNDLE.tar    update: its signature, BUNDLE.tar.sig, must be of the trusted key. A desk that does
                not come up within two minutes goes back to the version before
  --decide      end the trial of an update that was interrupted; systemd runs this at boot
  --uninstall   remove all of it, also the settings, the desk's key and windows not yet sent
  --target      say what Python and processor a bundle for this machine must be made for

The update is done by the copy that is installed: /opt/turnlight/install.sh BUNDLE.tar

Debian 12 or 13 or Raspberry Pi OS, as root.
TEXT
}

base=/opt/turnlight etc=/etc/turnlight state=/var/lib/turnlight user=turnlight
unit=/etc/systemd/system/turnlight.service
rules=/etc/udev/rules.d/60-turnlight-lamps.rules
link=/usr/local/bin/turnlight
packaged=/usr/share/turnlight
key=$base/release.pub
trial=$base/trial trial_unit=/etc/systemd/system/turnlight-trial.service
patience_s=120 look_s=5 steady_looks=3 most_tries=3
changed=0

say() { printf '%s\n' "$*"; }
die() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }
did() { changed=1; say "$*"; }
has() { command -v "$1" >/dev/null; }
systemd_runs() { [[ -d /run/systemd/system ]]; }

# One at a time. Whoever holds the lock and dies lets the next one in. [FLOCK'S OPTION]
lock() {
  mkdir -p $base
  exec 9>$base/lock
  flock "$@" 9 || die "another installation or a trial is running; try again in three minutes"
}

check_system() {
  ((EUID == 0)) || die "run this as root, as in: sudo $0"
  local ID=unknown ID_LIKE='' VERSION_ID=0
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ " $ID $ID_LIKE " == *" debian "* ]] && [[ $VERSION_ID == 1[23] ]] ||
    die "this is $ID $VERSION_ID; Debian 12 or 13 or Raspberry Pi OS is needed"
}

# What a bundle is made for: Python's tag and the machine, as in `cp311 aarch64`.
this_machine() { python3 -c 'import platform, sys; print("cp%d%d" % sys.version_info[:2], platform.machine())'; }

# apt looks after what came as a package.
check_not_packaged() {
  [[ ! -d $packaged ]] || die "Turnlight is installed here as a package; use apt-get, or remove it first: apt-get remove turnlight"
}

install_packages() {
  local missing=() by_hand
  # elsewhere the wheels bring their own
  if [[ $(dpkg --print-architecture) == armhf ]]; then
    compgen -G '/usr/lib/*/libsndfile.so.1' >/dev/null || missing+=(libsndfile1)
    compgen -G '/usr/lib/*/libusb-1.0.so.0' >/dev/null || missing+=(libusb-1.0-0)
  fi
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

# The signature covers the whole file and is checked before it is unpacked.
check_signature() {
  local file=$1 trusted=${2:-$key}
  [[ -r $file ]] || die "$file: there is no such bundle"
  [[ -r $trusted ]] || die "no release key is trusted here; name it once with --key FILE"
  has openssl || die "openssl is missing, without which no signature can be checked: apt-get install openssl"
  [[ -r $file.sig ]] || die "$file.sig is missing; copy it beside the bundle"
  openssl dgst -sha256 -verify "$trusted" -signature "$file.sig" "$file" >/dev/null 2>&1 ||
    die "$file is not signed by $trusted, or was changed since; nothing was touched"
}

trust() {
  cmp -s "$1" $key && return 0
  openssl pkey -pubin -in "$1" -noout 2>/dev/null || die "$1 is no public key in PEM"
  install -D -m 644 "$1" $key
  did "trusts releases of $1"
}

find_bundle() {
  if [[ -n ${1:-} ]]; then
    unpacked=$(mktemp -d)
    trap 'rm -rf "$unpacked"' EXIT
    tar -C "$unpacked" --no-same-owner -xf "$1"
    bundle=$unpacked/turnlight
  elif [[ -d $here/wheels ]]; then
    bundle=$here
  else
    [[ -x $here/../run ]] || die "name the bundle to install, as in: $0 turnlight-NEW.tar"
    say "making a bundle of this checkout"
    "$here/../run" bundle >&2 || die "the bundle could not be made (above)"
    bundle=$here/../build/bundle/turnlight
  fi
  check_bundle "$bundle"
}

check_target() {
  local here_is
  [[ $(uname -m) != aarch64 || $(dpkg --print-architecture) != armhf ]] ||
    die "this is a 32-bit system on a 64-bit kernel, which pip takes for a 64-bit one; put arm_64bit=0 into /boot/firmware/config.txt and restart"
  made_for=$(<"$bundle/TARGET") here_is=$(this_machine)
  [[ $made_for == "$here_is" ]] ||
    die "this bundle is for $made_for and this machine is $here_is; make one on such a machine"
}

# FILE TARGET MODE, in one step: a power cut leaves the old file or the new one.
put() {
  install -D -m "$3" "$1" "$2.new"
  sync "$2.new"
  mv -T "$2.new" "$2"
}

# FILE TARGET [MODE]
copy() {
  cmp -s "$1" "$2" && return 1
  put "$1" "$2" "${3:-644}"
  did "installed $2"
}

# What a desk needs besides Turnlight's own programs.
desk_extras() {
  case $(this_machine) in
    *armv7l) echo gpio,spi,usb,pi32 ;;
    *) echo gpio,spi,usb ;;
  esac
}

make_current() {
  ln -sfn "$1" $base/current.new
  mv -T $base/current.new $base/current
}

# Each version has a folder of its own, and one rename makes it the current one: whatever happens
# before that leaves the old version as it was.
install_programs() {
  local extras=$1
  id=$(cat "$bundle/SHA256SUMS" - <<<"$extras" | sha256sum | cut -c1-12)
  before=$(readlink $base/current || true)
  [[ $before == "$id" && -x $base/$id/bin/turnlight ]] && return 0
  rm -rf "${base:?}/$id"
  mkdir -p $base
  python3 -m venv "$base/$id"
  "$base/$id/bin/python" -m pip install -q --disable-pip-version-check --no-index \
    --find-links "$bundle/wheels" "turnlight[$extras]" || die "pip failed (above)"
  "$base/$id/bin/turnlight" --version >/dev/null || die "the new version does not run (above)"
  cp "$bundle/systemd/turnlight.service" "$bundle/install.sh" "$base/$id/"
  ((floor)) || begin_trial
  sync
  make_current "$id"
  [[ -L $base/bin ]] || ln -s current/bin $base/bin
  [[ $(readlink $link) == "$base/bin/turnlight" ]] || ln -sfn $base/bin/turnlight $link
  # the one before stays, to go back to by hand; older ones go
  local old
  for old in $base/*/; do
    old=$(basename "$old")
    [[ -L ${base:?}/$old || $old == bin || $old == current || $old == "$id" || $old == "$before" ]] || rm -rf "${base:?}/$old"
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
  sync $etc/turnlight.toml.new
  mv $etc/turnlight.toml.new $etc/turnlight.toml
  did "made $etc/turnlight.toml"
}

# An update is on trial from before the switch until it is decided: a file says "OLD NEW TRIES".
# Power cut or not, whoever gets the lock next decides it: this shell, the unit that waits for it to
# die, that unit at the next boot, or the next installation.
put_on_trial() {
  printf '%s\n' "$*" >$trial.new
  sync
  mv -T $trial.new $trial
  sync
}

# A desk that did not run before may still miss its headset, which is no fault of the version.
begin_trial() {
  [[ -n $before && $before != "$id" ]] && systemd_runs && systemctl is-active -q turnlight.service || return 0
  # what decides must be able to
  copy "$(readlink -f "$0")" $base/install.sh 755 || true
  copy "$bundle/systemd/turnlight-trial.service" $trial_unit && systemctl daemon-reload
  systemctl is-enabled -q turnlight-trial.service 2>/dev/null || systemctl enable -q turnlight-trial.service
  put_on_trial "$before" "$id" 0
  systemctl start --no-block turnlight-trial.service
}

# The one place where a version is judged, so each step of it may be the second time it is done.
decide() {
  local old='' new='' tries=0
  read -r old new tries <$trial
  if [[ -z $old || ! -x $base/$old/bin/turnlight ]]; then
    rm -f $trial # there is nothing to go back to
    return 0
  fi
  if [[ $(readlink $base/current) == "$new" ]] && ((tries < most_tries)); then
    # one that takes the machine down with it is not tried for ever
    put_on_trial "$old" "$new" $((tries + 1))
    start_current
    if comes_up; then
      copy "$base/$new/install.sh" $base/install.sh 755
      rm -f $trial
      return 0
    fi
  fi
  make_current "$old"
  start_current
  sync
  rm -f $trial
  return 1
}

decide_pending() {
  [[ ! -e $trial ]] || decide || did "the update before did not come up; the version before it runs again"
}

start_current() {
  put $base/current/turnlight.service $unit 644
  systemctl daemon-reload
  systemctl restart --no-block turnlight.service
}

install_service() {
  if copy "$bundle/udev/60-turnlight-lamps.rules" $rules && systemd_runs; then
    udevadm control --reload && udevadm trigger --subsystem-match=usb --subsystem-match=hidraw
  fi
  if [[ -e $trial ]]; then
    decide || die "the new version did not come up within $patience_s s; $before runs again"
    return 0
  fi
  copy "$base/$id/turnlight.service" $unit || true
  if ! has systemctl; then
    ((changed)) && say "there is no systemd here, so nothing starts by itself"
    return 0
  fi
  systemctl is-enabled -q turnlight.service 2>/dev/null || { systemctl enable -q turnlight.service && did "enabled turnlight.service"; }
  systemd_runs && ((changed)) || return 0
  systemctl daemon-reload
  systemctl restart --no-block turnlight.service
}

# Up, and still up a few looks later: one that falls as soon as it has heard a sound is not.
comes_up() {
  local left=$((patience_s / look_s)) steady=0
  while ((left-- > 0 || steady > 0)); do
    sleep $look_s
    if systemctl is-active -q turnlight.service; then steady=$((steady + 1)); else steady=0; fi
    ((steady < steady_looks)) || return 0
  done
  return 1
}

gone() {
  local path
  for path in "$@"; do
    [[ -e $path || -L $path ]] && { rm -rf "$path"; did "removed $path"; }
  done
  return 0
}

# Settings, key and windows not yet sent stay.
remove_programs() {
  if has systemctl; then
    systemd_runs && systemctl stop turnlight.service 2>/dev/null
    systemd_runs && systemctl stop turnlight-trial.service 2>/dev/null
    systemctl disable -q turnlight.service 2>/dev/null || true
    systemctl disable -q turnlight-trial.service 2>/dev/null || true
  fi
  gone {$unit,$trial_unit,$rules}{,.new} $link $base
  # where nothing else put rules there, the folders are ours too
  rmdir -p --ignore-fail-on-non-empty "$(dirname $rules)" 2>/dev/null || true
  systemd_runs && systemctl daemon-reload && udevadm control --reload
  return 0
}

remove_rest() {
  gone $etc $state /run/turnlight
  getent passwd $user >/dev/null && { userdel $user; did "removed the user $user"; }
  getent group $user >/dev/null && groupdel $user
  return 0
}

install_desk() {
  install_programs "$(desk_extras)"
  make_user
  make_settings
  install_service
  copy "$bundle/install.sh" $base/install.sh 755 || true
}

# dpkg calls the package's postinst, prerm and postrm, which are this file, with what happens. They
# say what they do on the error channel, since debconf may have the other.
maintain() {
  local floor=0
  case $1 in
    "postinst configure")
      bundle=$packaged
      check_target
      lock -n
      decide_pending
      install_desk ;;
    "prerm remove") remove_programs ;;
    "postrm purge") remove_programs; remove_rest ;;
  esac >&2
}

main() {
  local floor=0 new_key='' file=''
  while (($#)); do
    case $1 in
      --floor) floor=1 ;;
      --key) new_key=${2:?--key needs a file}; shift ;;
      --decide)
        lock
        [[ ! -e $trial ]] || decide || die "the new version did not come up; the one before runs again"
        return 0 ;;
      --uninstall)
        check_system
        check_not_packaged
        remove_programs
        remove_rest
        ((changed)) || say "nothing to remove"
        return 0 ;;
      --target) this_machine; return 0 ;;
      -h | --help) usage; return 0 ;;
      *.tar) file=$1 ;;
      *) usage >&2; return 2 ;;
    esac
    shift
  done
  check_system
  check_not_packaged
  [[ -n $file ]] && check_signature "$file" "$new_key"
  [[ -z $file && -d $here/wheels ]] && check_bundle "$here"
  install_packages
  find_bundle "$file"
  check_target
  lock -n
  decide_pending
  [[ -n $new_key ]] && trust "$new_key"
  if ((floor)); then
    [[ $made_for != *armv7l ]] || die "a floor needs a 64-bit machine; this bundle is a desk's"
    install_programs floor,provision,postgres,oidc
    copy "$bundle/install.sh" $base/install.sh 755 || true
  else
    install_desk
  fi
  ((changed)) && sync
  if ! ((changed)); then
    say "nothing to do"
  elif ((floor)); then
    say "next: turnlight provision site NAME --host HOST"
  else
    say "next: turnlight enroll CODE --server HOST, then turnlight doctor"
  fi
}

if [[ -n ${DPKG_MAINTSCRIPT_NAME:-} ]]; then
  maintain "$DPKG_MAINTSCRIPT_NAME ${1:-}"
else
  main "$@"
fi
