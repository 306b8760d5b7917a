#!/usr/bin/env bash
# Proof on an empty Debian, as root: the package installs without a network, a second time changes nothing, a later one
# keeps the settings, removing keeps them too, and nothing is left after purging.
#
#   provisioning/proof-deb.sh [PACKAGE.deb]      without one it makes the package of this checkout
#
# It changes the machine: use a root that is thrown away afterwards.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. provisioning/proof-tools.sh
empty_machine
place=$(mktemp -d)
# a root that was unpacked as somebody's private folder is closed to every service user
chmod 755 / "$place"
package=${1:-}
if [[ -z $package ]]; then
  ./run deb
  package=$(echo build/bundle/*.deb)
fi
# all that the package asks for, and nothing of it
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv openssl libportaudio2 \
  >/dev/null 2>&1
unshare -n true 2>/dev/null && alone=(unshare -n) || alone=()
settings=/etc/turnlight/turnlight.toml
# dpkg's own books change with every call
files() { listing | grep -v '^/var/lib/dpkg'; }
as_desk() { setpriv --reuid turnlight --regid turnlight --init-groups env HOME=/var/lib/turnlight "$@"; }

step "install, without a network"
files >"$place/before"
"${alone[@]}" dpkg -i "$package"
[[ $(getent passwd turnlight) == *:/usr/sbin/nologin ]] || fail "the service's user may log in"
stat -c '%a %U %n' /etc/turnlight $settings /etc/systemd/system/turnlight.service /etc/udev/rules.d/60-turnlight-lamps.rules
keys=$(grep -cE '^#?[a-z_]+ = ' $settings)
((keys > 20)) || fail "$settings has $keys keys"

step "the doctor"
as_desk turnlight doctor --json | tee "$place/doctor" || true
grep -q '"check":"model","severity":"ok"' "$place/doctor" || fail "the strain model does not load"
[[ $(wc -l <"$place/doctor") -ge 8 ]] || fail "the doctor did not look at all"

step "a second time changes nothing"
files >"$place/once"
"${alone[@]}" dpkg -i "$package" | tee "$place/said"
if grep -E "^(installed|made|put|enabled) " "$place/said"; then fail "it did something"; fi
files | diff "$place/once" - || fail "something changed"

step "a bundle's install.sh leaves it to apt"
if /usr/share/turnlight/install.sh 2>"$place/said"; then fail "it installed"; fi
grep "as a package" "$place/said"
files | diff "$place/once" - || fail "something changed"

step "a later package keeps what the administrator changed"
sed -i -E 's/^#? *(kind) = .*/kind = "none"/' $settings
cp $settings "$place/settings"
dpkg-deb -R "$package" "$place/next"
sed -i -E 's/^(Version: .*)$/\1.next/' "$place/next/DEBIAN/control"
(
  cd "$place/next/usr/share/turnlight"
  echo next >NOTE
  { grep -v ' ./NOTE$' SHA256SUMS; sha256sum ./NOTE; } >SUMS
  mv SUMS SHA256SUMS
)
dpkg-deb --root-owner-group -Znone --build "$place/next" "$place/next.deb" >/dev/null
before=$(readlink /opt/turnlight/current)
"${alone[@]}" dpkg -i "$place/next.deb"
[[ $(readlink /opt/turnlight/current) != "$before" ]] || fail "it is not the current version"
cmp $settings "$place/settings" || fail "the settings were overwritten"

step "removing keeps settings and user, and nothing that runs"
dpkg -r turnlight
cmp $settings "$place/settings" || fail "the settings are gone"
for path in /opt/turnlight /usr/share/turnlight /usr/local/bin/turnlight /etc/systemd/system/turnlight.service; do
  [[ ! -e $path && ! -L $path ]] || fail "$path is left"
done
"${alone[@]}" dpkg -i "$package"
cmp $settings "$place/settings" || fail "the settings were overwritten"

step "purging leaves nothing"
echo "a window" | as_desk tee /tmp/window >/dev/null
install -D -o turnlight -m 600 /tmp/window /var/lib/turnlight/outbox
dpkg -P turnlight
files | diff "$place/before" - || fail "something is left"
if compgen -G '/var/lib/dpkg/info/turnlight.*'; then fail "dpkg still knows it"; fi
echo
echo "all of it holds"
