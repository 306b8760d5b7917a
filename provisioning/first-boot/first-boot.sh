#!/usr/bin/env bash
# Makes a fresh card a desk without a keyboard: installs the bundle beside this file, enrolls with
# the code in enroll.txt, and shows every cue once. Without a code there it does nothing.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
settings=/etc/turnlight/turnlight.toml
patience_s=600

say() { printf 'turnlight first boot: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }
value() { sed -n -E "s/^$1[[:space:]]*=[[:space:]]*([^#[:space:]]*).*/\1/p" "$here/enroll.txt" | tr -d '\r' | tail -n 1; }

[[ -r $here/enroll.txt ]] || die "$here/enroll.txt is missing"
code=$(value code) server=$(value server) lamp=$(value lamp)
[[ -n $code ]] || { say "no code in enroll.txt, so nothing to do"; exit 0; }
[[ -n $server ]] || die "enroll.txt names no server"
bundles=("$here"/turnlight-*.tar)
[[ ${#bundles[@]} == 1 && -r ${bundles[0]} ]] || die "there must be one turnlight-*.tar in $here"

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
tar -C "$unpacked" --no-same-owner -xf "${bundles[0]}"
key=()
[[ -r $here/release.pub ]] && key=(--key "$here/release.pub")
"$unpacked/turnlight/install.sh" "${key[@]}"
if [[ -n $lamp ]]; then
  sed -i -E "s/^#?kind = \".*\"/kind = \"$lamp\"/" $settings
fi

# the network and the clock may need a while
until turnlight enroll "$code" --server "$server"; do
  ((SECONDS < patience_s)) || die "could not enroll within $patience_s s (above); restart to try again"
  sleep 10
done
sed -i -E 's/^(code[[:space:]]*=).*/\1/' "$here/enroll.txt"
turnlight lamp test --config $settings --seconds 1 || say "the lamp does not light (above)"
systemctl restart --no-block turnlight.service
say "done"
