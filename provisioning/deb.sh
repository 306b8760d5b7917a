#!/usr/bin/env bash
# Makes a Debian package of a bundle. The bundle lies in it unchanged, and its install.sh is the package's postinst,
# prerm and postrm, so that there is one way to install.
#
#   provisioning/deb.sh FOLDER OUT       FOLDER is an unpacked bundle; prints the name of the file in OUT
set -euo pipefail
umask 022
folder=${1:?name the folder of an unpacked bundle} out=${2:?name the folder for the package}
die() { printf 'deb.sh: %s\n' "$*" >&2; exit 1; }

[[ -r $folder/TARGET ]] || die "$folder is no bundle; make one with ./run bundle"
command -v dpkg-deb >/dev/null || die "dpkg-deb is missing, which every Debian has; make the package on one"
read -r python machine <"$folder/TARGET"
case $machine in
  x86_64) architecture=amd64 ;;
  aarch64) architecture=arm64 ;;
  armv7l) architecture=armhf ;;
  *) die "Debian's name for $machine is not known here; add it" ;;
esac
minor=${python#cp3}
wheel=$(cd "$folder/wheels" && echo turnlight-*.whl)
version=${wheel#turnlight-} version=${version%%-*}+py3$minor
depends="python3 (>= 3.$minor~), python3 (<< 3.$((minor + 1))), python3-venv, openssl, libportaudio2"
# elsewhere the wheels bring their own
[[ $architecture == armhf ]] && depends+=", libsndfile1, libusb-1.0-0"

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
mkdir -p "$tree"/{DEBIAN,usr/share/turnlight,usr/share/doc/turnlight}
cp -r "$folder/." "$tree/usr/share/turnlight/"
chmod -R u+rwX,go=rX "$tree/usr"
cp "$folder/LICENSES.txt" "$tree/usr/share/doc/turnlight/copyright"
for script in postinst prerm postrm; do install -m 755 "$folder/install.sh" "$tree/DEBIAN/$script"; done
cat >"$tree/DEBIAN/control" <<CONTROL
Package: turnlight
Version: $version
Architecture: $architecture
Maintainer: The makers of Turnlight <turnlight@localhost>
Section: comm
Priority: optional
Installed-Size: $(du -sk "$tree/usr" | cut -f1)
Depends: $depends
Description: desk lamp that knows when to listen
 Measures who talks when on the device itself, gives the agent quiet cues with a
 lamp, and sends anonymous aggregates only. The package holds every Python package
 that it needs and installs them, without a network, under /opt/turnlight.
CONTROL
(cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$tree" -exec touch -h -d @0 {} +
file=$out/turnlight_${version}_$architecture.deb
# the wheels are compressed already
SOURCE_DATE_EPOCH=0 dpkg-deb --root-owner-group -Znone --build "$tree" "$file" >/dev/null
printf '%s\n' "$file"
