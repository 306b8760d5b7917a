#!/usr/bin/env bash
# Proof for the processors of a Pi, as root on an x86-64 Debian: in a root of that architecture, whose programs QEMU runs,
# bundle and package are made, installed without a network, and measure demo calls as they are measured here.
#
#   provisioning/proof-arm.sh [arm64] [armhf]      without one, both
#
# It needs debootstrap, qemu-user-static and the cross compilers, and an hour where QEMU is slow. KEEP=folder keeps the
# roots there, and takes what it finds.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. provisioning/proof-tools.sh
(($#)) || set -- arm64 armhf
suite=bookworm
calls=(short angry-then-calm)
((EUID == 0)) || fail "run this as root"
for program in debootstrap nsenter qemu-aarch64-static {aarch64-linux-gnu,arm-linux-gnueabihf}-g++; do
  command -v "$program" >/dev/null || fail "$program is missing: apt-get install debootstrap util-linux qemu-user-static" \
    "g++-aarch64-linux-gnu g++-arm-linux-gnueabihf"
done
place=${KEEP:-$(mktemp -d)}
mkdir -p "$place" && place=$(readlink -f "$place")
chmod 755 "$place"

# A place of its own where the kernel hands foreign programs to QEMU, and where what is mounted is seen by nobody else.
unshare --user --mount --propagation private sleep infinity &
holder=$!
end() {
  kill $holder 2>/dev/null || true
  wait $holder 2>/dev/null || true
  [[ -n ${KEEP:-} ]] || rm -rf --one-file-system "$place"
}
trap end EXIT
until [[ $(readlink /proc/$holder/ns/user) != "$(readlink /proc/$$/ns/user)" ]]; do sleep 0.1; done
for map in uid_map gid_map; do echo "0 0 4294967295" >/proc/$holder/$map; done
apart() { nsenter --user --mount --target $holder "$@"; }
apart mount -t binfmt_misc none /proc/sys/fs/binfmt_misc ||
  fail "this kernel keeps no programs apart; Linux 6.7 or later is needed"
for processor in aarch64 arm; do
  apart cp /usr/lib/binfmt.d/qemu-$processor.conf /proc/sys/fs/binfmt_misc/register
done

# ROOT COMMAND...; without a network where `alone` is set
inside() {
  local root=$1 name keep=()
  shift
  # how this machine reaches the package index
  for name in $(compgen -e | grep -E '^(PIP_(CERT|INDEX_URL|DEFAULT_TIMEOUT)|SSL_CERT_FILE|.*_proxy|.*_PROXY)$'); do
    keep+=("$name=${!name}")
  done
  apart ${alone:+unshare -n} chroot "$root" /usr/bin/env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    TMPDIR=/tmp container=lxc "${keep[@]}" "$@"
}
open() { for folder in dev proc sys; do apart mount --rbind /$folder "$1/$folder"; done; }

# ARCHITECTURE ROOT PACKAGES. In what it takes for Docker, debootstrap makes /proc a link to itself.
unpack() {
  container=lxc debootstrap --foreign --variant=minbase --arch="$1" --include="$3" $suite "$2" >"$2.log" ||
    { tail -n 3 "$2.log" >&2; fail "debootstrap"; }
}

# an empty Debian with what the package asks for, and nothing of it
make_desk() {
  local root=$place/$1 more=''
  [[ $1 != armhf ]] || more=,libsndfile1,libusb-1.0-0
  if [[ ! -e $root.made ]]; then
    unpack "$1" "$root" python3,python3-venv,openssl,libportaudio2$more
    open "$root"
    inside "$root" /debootstrap/debootstrap --second-stage >>"$root.log" || { tail -n 3 "$root.log" >&2; fail "debootstrap"; }
    touch "$root.made"
  fi
  open "$root"
}

# A Debian with what `./run deb` asks for. Nothing in it is set up, which takes an hour under QEMU; it is only unpacked. Its
# compiler is this machine's for that processor, at this machine's pace.
make_workshop() {
  local root=$place/$1-workshop prefix=$2 package program
  if [[ ! -e $root.made ]]; then
    unpack "$1" "$root" ca-certificates,python3,python3-venv,python3-dev,libc6-dev,openssl,cmake,make,libffi-dev,libusb-1.0-0-dev,libudev-dev,portaudio19-dev
    for package in "$root"/var/cache/apt/archives/*.deb; do
      dpkg-deb --fsys-tarfile "$package" | tar -C "$root" --keep-directory-symlink -xf -
    done
    touch "$root.made"
  fi
  cp -a /usr/bin/"$prefix"-* "$root/usr/bin/"
  mkdir -p "$root"/{lib64,usr/lib/gcc-cross,usr/lib/x86_64-linux-gnu,usr/local/bin,etc/ssl/certs}
  cp -a "/usr/lib/gcc-cross/$prefix" "$root/usr/lib/gcc-cross/"
  cp -a "/usr/$prefix" "$root/usr/"
  cp -L /lib64/ld-linux-x86-64.so.2 "$root/lib64/"
  for program in /usr/lib/gcc-cross/"$prefix"/*/{cc1,cc1plus,collect2,lto1} /usr/bin/"$prefix"-{as,ld,gcc,ar,strip,objdump}; do
    [[ ! -x $program ]] || ldd "$program" | awk '$3 ~ /^\// { print $3 }'
  done | sort -u | xargs -I{} cp -L {} "$root/usr/lib/x86_64-linux-gnu/"
  for program in gcc g++ ar strip; do ln -sfn "/usr/bin/$prefix-$program" "$root/usr/local/bin/$program"; done
  ln -sfn gcc "$root/usr/local/bin/cc"
  ln -sfn g++ "$root/usr/local/bin/c++"
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  open "$root"
}

measure() { python3 -m json.tool --json-lines --sort-keys; }

# ROOT: what is compiled loads, the doctor finds the model, and the calls are measured as here
judge() {
  local root=$1
  inside "$root" /opt/turnlight/current/bin/python -c 'import _lgpio, hid, pyaudio, spidev' || fail "a library is missing"
  # systemd makes it for the service
  inside "$root" install -d -o turnlight -m 700 /var/lib/turnlight
  inside "$root" setpriv --reuid turnlight --regid turnlight --init-groups turnlight doctor --json >"$root.doctor" || true
  cat "$root.doctor"
  grep -q '"check":"model","severity":"ok"' "$root.doctor" || fail "the strain model does not load"
  inside "$root" turnlight analyze --json "${calls[@]}" >"$root.json"
  measure <"$root.json" | diff "$place/here" - || fail "the metrics differ"
  echo "the metrics of ${calls[*]} are those of this machine: $(wc -l <"$place/here") lines the same"
}

prove() {
  local architecture=$1 prefix=$2 root=$place/$1 workshop=$place/$1-workshop bundle package
  step "$architecture: an empty Debian"
  make_desk "$architecture"
  inside "$root" uname -m
  step "$architecture: bundle and package"
  make_workshop "$architecture" "$prefix"
  rm -rf "$workshop/turnlight" && mkdir "$workshop/turnlight"
  git archive HEAD | tar -C "$workshop/turnlight" -x
  inside "$workshop" /turnlight/run deb
  bundle=$(echo "$workshop"/turnlight/build/bundle/*.tar) package=$(echo "$workshop"/turnlight/build/bundle/*.deb)
  cp -r "$bundle" "$package" "$place/calls" "$root/tmp/"
  tar -C "$root/tmp" -xf "$bundle"

  step "$architecture: install from the bundle, without a network"
  alone=yes inside "$root" /tmp/turnlight/install.sh
  inside "$root" /tmp/turnlight/install.sh | grep -x "nothing to do"
  judge "$root"
  inside "$root" /tmp/turnlight/install.sh --uninstall

  step "$architecture: install from the package, without a network"
  alone=yes inside "$root" dpkg -i "/tmp/$(basename "$package")"
  judge "$root"
  inside "$root" dpkg -P turnlight
  for path in /opt/turnlight /etc/turnlight /usr/share/turnlight /usr/local/bin/turnlight; do
    [[ ! -e $root$path && ! -L $root$path ]] || fail "$path is left"
  done
}

step "this machine"
./run setup
# The decoder of Opus computes in floating point: one sample in 150,000 is one step louder or softer elsewhere, and an
# edge of speech may move by 10 ms. So it is decoded here, and every machine measures the same samples.
mkdir -p "$place/calls"
.venv/bin/python - "$place/calls" "${calls[@]}" <<'PY'
import sys
from pathlib import Path
import soundfile
folder, *names = sys.argv[1:]
for name in names:
    sound, rate = soundfile.read(f"edge/turnlight/calls/{name}.opus", dtype="int16")
    soundfile.write(Path(folder, f"{name}.wav"), sound, rate, subtype="PCM_16")
PY
calls=("${calls[@]/%/.wav}")
.venv/bin/turnlight analyze --json "${calls[@]/#/$place/calls/}" | measure >"$place/here"
calls=("${calls[@]/#//tmp/calls/}")
wc -l <"$place/here"
for architecture; do
  case $architecture in
    arm64) prove arm64 aarch64-linux-gnu ;;
    armhf) prove armhf arm-linux-gnueabihf ;;
    *) fail "$architecture: arm64 or armhf" ;;
  esac
done
echo
echo "all of it holds"
