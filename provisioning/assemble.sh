#!/usr/bin/env bash
# Makes a bundle of FOLDER/wheels: adds what they are, what installs them, and the checksums, and packs it.
#
#   provisioning/assemble.sh FOLDER      prints the name of the file, which is beside FOLDER
set -euo pipefail
umask 022
here=$(dirname "$(readlink -f "$0")")
folder=${1:?name the folder that holds wheels/}
die() { printf 'assemble.sh: %s\n' "$*" >&2; exit 1; }

product=$(cd "$folder/wheels" && compgen -G 'turnlight-*.whl') || die "$folder/wheels holds no wheel of Turnlight; run ./run bundle"
python3 "$here/contents.py" "$folder/wheels/$product" || die "this wheel may not leave the house (above)"
python3 "$here/sbom.py" "$folder/wheels" "$folder"
mkdir -p "$folder"/{udev,systemd}
cp "$here/install.sh" "$folder/"
cp "$here"/udev/*.rules "$folder/udev/"
cp "$here"/systemd/*.service "$folder/systemd/"
target=$("$here/install.sh" --target)
printf '%s\n' "$target" >"$folder/TARGET"
(cd "$folder" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
version=${product#turnlight-} version=${version%%-*}
file=$(dirname "$folder")/turnlight-$version-${target/ /-}.tar
tar -C "$folder/.." --sort=name --owner=0 --group=0 --mtime=@0 --mode=u+rwX,go=rX -cf "$file" "$(basename "$folder")"
printf '%s\n' "$file"
