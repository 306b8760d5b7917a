#!/usr/bin/env bash
# Proof on an empty Debian, as root: a bundle is installed as a floor and as a desk, the desk enrolls
# by code, its windows arrive, it is revoked, they stop, and nothing is left after uninstalling.
#
#   provisioning/proof.sh [BUNDLE.tar]      without one it makes the bundle of this checkout
#
# It changes the machine: use a root that is thrown away afterwards.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. provisioning/proof-tools.sh
empty_machine
place=$(mktemp -d)
# a root that was unpacked as somebody's private folder is closed to every service user
chmod 755 /
children=()
end() { for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done; }
trap end EXIT

bundle=${1:-}
if [[ -z $bundle ]]; then
  ./run bundle
  bundle=$(echo build/bundle/*.tar)
fi
tar -C "$place" -xf "$bundle"
install=$place/turnlight/install.sh
apt-get update -qq >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  python3 python3-venv openssl libportaudio2 mosquitto >/dev/null 2>&1

step "a damaged bundle is refused before anything is touched"
listing >"$place/before"
cp -r "$place/turnlight" "$place/damaged"
echo >>"$(find "$place/damaged/wheels" -name 'turnlight-*.whl')"
if "$place/damaged/install.sh" 2>"$place/said"; then fail "it was installed"; fi
grep "is damaged" "$place/said"
listing | cmp - "$place/before" || fail "it left something"

step "install, without a network"
unshare -n true 2>/dev/null && alone=(unshare -n) || alone=()
"${alone[@]}" "$install"

step "a second run changes nothing"
listing >"$place/once"
"$install" | tee "$place/said"
grep -qx "nothing to do" "$place/said" || fail "it did something"
listing | diff "$place/once" - || fail "something changed"

# A bundle that differs, as NAME.tar, signed by KEY.
release() {
  cp -r "$place/turnlight" "$place/$1"
  echo "$1" >"$place/$1/NOTE"
  (cd "$place/$1" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
  tar -C "$place" --transform "s/^$1/turnlight/" -cf "$place/$1.tar" "$1"
  openssl dgst -sha256 -sign "$place/$2.key" -out "$place/$1.tar.sig" "$place/$1.tar"
}
for name in release stranger; do
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$place/$name.key" 2>/dev/null
  openssl pkey -in "$place/$name.key" -pubout -out "$place/$name.pub"
done

step "an update must be signed by the trusted key"
"$install" --key "$place/release.pub"
listing >"$place/once"
release false stranger
if /opt/turnlight/install.sh "$place/false.tar"; then fail "a stranger's bundle was installed"; fi
release changed release
echo >>"$place/changed.tar"
if /opt/turnlight/install.sh "$place/changed.tar"; then fail "a changed bundle was installed"; fi
listing | diff "$place/once" - || fail "something changed"
release next release
before=$(readlink /opt/turnlight/current)
/opt/turnlight/install.sh "$place/next.tar"
good=$(readlink /opt/turnlight/current)
[[ $good != "$before" ]] || fail "it is not the current version"

step "a version that does not come up goes back by itself, within two minutes"
# systemd does not run in such a root: this stands for one under which only the good version comes up
mkdir -p /run/systemd/system
cat >/usr/local/sbin/systemctl <<SH
#!/bin/sh
case \$1 in
  restart) readlink /opt/turnlight/current >/run/running ;;
  is-active) [ "\$(cat /run/running)" = "$good" ] ;;
esac
SH
chmod +x /usr/local/sbin/systemctl
echo "$good" >/run/running
release broken release
if /opt/turnlight/install.sh "$place/broken.tar"; then fail "it stayed with the broken version"; fi
[[ $(readlink /opt/turnlight/current) == "$good" && $(cat /run/running) == "$good" ]] || fail "it did not go back"

step "the power goes in those two minutes, and the next boot decides"
/opt/turnlight/install.sh "$place/broken.tar" &
updating=$!
until [[ -e /opt/turnlight/trial && $(cat /run/running) != "$good" ]]; do sleep 0.5; done
kill -9 $updating
if /opt/turnlight/install.sh --decide; then fail "it stayed with the broken version"; fi
[[ $(readlink /opt/turnlight/current) == "$good" && $(cat /run/running) == "$good" ]] || fail "it did not go back"
[[ ! -e /opt/turnlight/trial ]] || fail "it is still on trial"
rm -r /usr/local/sbin/systemctl /run/running /run/systemd

step "a site, its broker, and enrolment"
site=$place/site
"$place/turnlight/install.sh" --floor >/dev/null # takes the place of the desk's programs
turnlight provision site proof --host 127.0.0.1 --folder "$site" >/dev/null
sed -i 's|^broker_state = .*|broker_state = "'"$place"'/state"|' "$site/site.toml"
mkdir "$place/state"
turnlight provision site proof --folder "$site" >/dev/null
broker() {
  (cat "$site/broker/mosquitto.conf"; echo "user root") >"$place/mosquitto.conf"
  (cd "$site/broker" && exec mosquitto -c "$place/mosquitto.conf") 2>"$place/broker.log" &
  mosquitto=$!
  children+=("$mosquitto")
  sleep 2
}
code=$(turnlight provision invite --site "$site" --team billing --name desk-1 | tail -1 | cut -d, -f3)
turnlight provision serve --site "$site" 2>"$place/serve.log" &
children+=($!)
for _ in {1..60}; do grep -q "enrolment at" "$place/serve.log" && break; sleep 0.5; done
turnlight enroll "$code" --server 127.0.0.1
stat -c '%a %U %n' /etc/turnlight/*
[[ $(stat -c '%a %U' /etc/turnlight/desk.key) == "600 turnlight" ]] || fail "the key is not the desk's alone"
broker

step "the rights"
turnlight provision check --site "$site" | tail -5

step "windows arrive"
call=$(find /opt/turnlight/current/ -name short.opus)
sed -i -E "s|^#?source = .*|source = \"file\"|; s|^#?file = .*|file = \"$call\"|; s|^#?loop = .*|loop = true|" /etc/turnlight/turnlight.toml
desk() { install -d -o turnlight /var/lib/turnlight /run/turnlight; setpriv --reuid turnlight --regid turnlight --init-groups \
  turnlight run --config /etc/turnlight/turnlight.toml 2>>"$place/desk.log" & children+=($!); desk=$!; }
watch() { /opt/turnlight/current/bin/python - "$site" "$1" <<'PY'
import ssl, sys, time
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
site, seconds = sys.argv[1], float(sys.argv[2])
heard = []
client = Client(CallbackAPIVersion.VERSION2)
client.tls_set(f"{site}/floor/ca.crt", f"{site}/floor/aggregator.crt", f"{site}/floor/aggregator.key")
client.on_connect = lambda c, *_: c.subscribe("turnlight/1/proof/+/window", 1)
client.on_message = lambda _c, _d, message: heard.append(message.topic)
client.connect("127.0.0.1", 8883)
client.loop_start()
end = time.monotonic() + seconds
while time.monotonic() < end and not heard:
    time.sleep(0.1)
print(len(heard))
PY
}
desk
[[ $(watch 120) -gt 0 ]] || { cat "$place/desk.log" "$place/broker.log"; fail "no window came"; }
echo "they do"

step "the doctor"
setpriv --reuid turnlight --regid turnlight --init-groups turnlight doctor || true

step "revoked, they stop"
turnlight provision revoke desk-1 --site "$site" 2>/dev/null
kill $mosquitto; wait $mosquitto || true
broker
[[ $(watch 25) -eq 0 ]] || fail "a window came"
grep "certificate" "$place/desk.log" | tail -1
kill $desk; wait $desk || true

step "uninstall leaves nothing"
"$install" --uninstall
listing | diff "$place/before" - || fail "something is left"
"$install" --uninstall
echo
echo "all of it holds"
