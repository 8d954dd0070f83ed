#!/bin/sh
# Make a dedicated Linux machine a quiet place to measure: packages, pyperf system tune, isolated
# CPUs, and a timer that runs `make update`. Usage: set_up_host.sh [--dry-run] [--cpus LIST] [USER]
#
# Everything is put where this script finds it again, so that a second run changes nothing.
set -eu

dry_run=0 cpus="" user=""
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --cpus)
        [ $# -gt 1 ] || { echo "error: --cpus needs a list, such as 2-3" >&2; exit 3; }
        cpus=$2
        shift
        ;;
    -h | --help)
        sed -n '2,5s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*)
        echo "error: unknown option $1; see --help" >&2
        exit 3
        ;;
    *) user=$1 ;;
    esac
    shift
done
user=${user:-$(id -un)}
project=$(cd "$(dirname "$0")/.." && pwd)
root=${METAFLOW_BENCHMARKS_HOST_ROOT:-}

case $cpus in
*[!0-9,-]*)
    echo "error: --cpus $cpus is no list of CPUs, such as 2-3 or 1,3" >&2
    exit 3
    ;;
esac
id "$user" >/dev/null 2>&1 || { echo "error: there is no user $user; name one" >&2; exit 3; }
if [ "$dry_run" = 0 ] && [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    echo "error: this changes the system; run it as root, or with --dry-run" >&2
    exit 3
fi

changes=0
# would COMMAND...: run it, or tell what would be run.
would() {
    changes=$((changes + 1))
    if [ "$dry_run" = 1 ]; then
        echo "would run: $*"
    else
        echo "running: $*"
        "$@"
    fi
}

# place PATH: put standard input there, unless it is there already; `placed` counts what was.
placed=0
place() {
    text=$(cat)
    if [ -f "$root$1" ] && [ "$(cat "$root$1")" = "$text" ]; then
        return
    fi
    changes=$((changes + 1))
    placed=$((placed + 1))
    if [ "$dry_run" = 1 ]; then
        echo "would write $1:"
        printf '%s\n' "$text" | sed 's/^/    /'
    else
        echo "writing $1"
        mkdir -p "$(dirname "$root$1")"
        printf '%s\n' "$text" >"$root$1.new"
        mv "$root$1.new" "$root$1"
    fi
}

missing=""
for package in git make python3-venv valgrind chromium npm; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
if [ -n "$missing" ]; then
    would apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    would apt-get install -qq -y $missing
fi

# pyperf knows what of a system disturbs: it sets governor, turbo, interrupts and perf's own rate.
place /etc/systemd/system/metaflow-benchmarks-tune.service <<EOF
[Unit]
Description=Quiet the system for metaflow-benchmarks

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$project/.venv/bin/python -m pyperf system tune
ExecStop=$project/.venv/bin/python -m pyperf system reset

[Install]
WantedBy=multi-user.target
EOF

place /etc/systemd/system/metaflow-benchmarks.service <<EOF
[Unit]
Description=Measure new releases of metaflow and publish
After=network-online.target metaflow-benchmarks-tune.service
Wants=network-online.target

[Service]
Type=oneshot
User=$user
WorkingDirectory=$project
ExecStart=${cpus:+/usr/bin/taskset --cpu-list $cpus }/usr/bin/make update
TimeoutStartSec=infinity
EOF

place /etc/systemd/system/metaflow-benchmarks.timer <<EOF
[Unit]
Description=Look for new releases of metaflow each night

[Timer]
OnCalendar=02:30
RandomizedDelaySec=30m
Persistent=true

[Install]
WantedBy=timers.target
EOF

services=$placed
if [ -n "$cpus" ]; then
    place /etc/default/grub.d/metaflow-benchmarks.cfg <<EOF
GRUB_CMDLINE_LINUX_DEFAULT="\$GRUB_CMDLINE_LINUX_DEFAULT isolcpus=$cpus nohz_full=$cpus rcu_nocbs=$cpus"
EOF
    if [ "$placed" != "$services" ]; then
        [ -n "$root" ] || would update-grub
        echo "after the next start, CPUs $cpus are left to measurements"
    fi
fi

if [ "$services" != 0 ] && [ -z "$root" ]; then
    would systemctl daemon-reload
    would systemctl enable --now metaflow-benchmarks-tune.service metaflow-benchmarks.timer
fi

if [ "$changes" = 0 ]; then
    echo "nothing to do"
elif [ "$dry_run" = 1 ]; then
    echo "$changes changes; nothing was done"
fi
