# shellcheck shell=bash
# What the proofs share; they source it.
step() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
empty_machine() {
  [[ ! -e /etc/turnlight && ! -e /opt/turnlight ]] || fail "Turnlight is installed here; use an empty machine"
}
everything() { find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /var/log \
  -o -path /var/cache -o -path /root/.cache -o -path /home \) -prune -o -printf '%p %m %u %g %l %s\n' | sort; }
# every file of this machine with mode, owner and size, so that two listings show what changed; folders grow when a file
# comes and goes, and useradd keeps what was before as passwd- and the like
listing() { everything | grep -vE '^/etc(/(passwd|shadow|group|gshadow|subuid|subgid)-)? ' | sed -E 's/^(\S+ 755 root root  )[0-9]+$/\1/'; }
