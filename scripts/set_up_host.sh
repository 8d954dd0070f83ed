#!/bin/sh
# Make a dedicated Linux machine a quiet place to measure: packages, pyperf system tune, isolated
# CPUs, and a timer that runs `make update`. Usage:
# set_up_host.sh [--dry-run] [--cpus LIST] [--machine NAME] [USER]
#
# A second run does only what is not done; --dry-run prints what that is.
set -eu

dry_run=0 cpus="" user="" machine=""
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --cpus)
        [ $# -gt 1 ] || { echo "error: --cpus needs a list, such as 2-3" >&2; exit 3; }
        cpus=$2
        shift
        ;;
    --machine)
        [ $# -gt 1 ] || { echo "error: --machine needs a name" >&2; exit 3; }
        machine=$2
        shift
        ;;
    -h | --help)
        sed -n '2,6s/^# \{0,1\}//p' "$0"
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
user=${user:-${SUDO_USER:-$(id -un)}}
project=$(cd "$(dirname "$0")/.." && pwd)
root=${METAFLOW_BENCHMARKS_HOST_ROOT:-}

# each LIST: the CPUs of a list such as 0-2,5, one a line.
each() {
    echo "$1" | tr ',' '\n' | while IFS=- read -r first last; do
        seq "$first" "${last:-$first}"
    done
}

if [ -n "$cpus" ]; then
    if ! echo "$cpus" | grep -Eqx '[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*'; then
        echo "error: --cpus $cpus is no list of CPUs, such as 2-3 or 1,3" >&2
        exit 3
    fi
    last_cpu=$(($(nproc --all) - 1))
    for part in $(echo "$cpus" | tr ',' ' '); do
        if [ "${part%-*}" -gt "${part#*-}" ] || [ "${part#*-}" -gt "$last_cpu" ]; then
            echo "error: --cpus $part is not among the CPUs of this machine, 0-$last_cpu" >&2
            exit 3
        fi
    done
    others=$(each "0-$last_cpu" | grep -vxF "$(each "$cpus")" | paste -sd, || true)
    if [ -z "$others" ]; then
        echo "error: --cpus $cpus leaves no CPU for anything else" >&2
        exit 3
    fi
fi
case $machine in
-* | *[!A-Za-z0-9._-]*)
    echo "error: --machine $machine is no name: use letters, digits, . _ and -" >&2
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

# place PATH: put standard input there, unless it is there already.
place() {
    text=$(cat)
    if [ -f "$root$1" ] && [ "$(cat "$root$1")" = "$text" ]; then
        return
    fi
    changes=$((changes + 1))
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
    command -v "$package" >/dev/null ||
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -z "$missing" ] || would apt-get update -qq
for package in $missing; do
    # Ubuntu has no package of chromium; the tests of the site are skipped without it.
    if [ "$package" != chromium ] || apt-cache show chromium >/dev/null 2>&1; then
        would apt-get install -qq -y "$package"
    fi
done

# An environment that only root can change, for root runs it. pyperf knows what of a system
# disturbs: it sets governor, turbo, interrupts and perf's own rate.
tuner=/opt/metaflow-benchmarks
if [ ! -x "$root$tuner/bin/pyperf" ]; then
    would python3 -m venv "$root$tuner"
    would "$root$tuner/bin/pip" install --quiet pyperf
fi
place /etc/systemd/system/metaflow-benchmarks-tune.service <<EOF
[Unit]
Description=Quiet the system for metaflow-benchmarks

[Service]
Type=oneshot
RemainAfterExit=yes
# What a machine does not let itself be told (a virtual one, much) is no reason not to measure.
ExecStart=-$tuner/bin/python -m pyperf system tune
ExecStop=-$tuner/bin/python -m pyperf system reset

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
Slice=metaflowbenchmarks.slice
ExecStart=/usr/bin/make update${machine:+ MACHINE=$machine}
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

# The scheduler still spreads work over the CPUs of a slice; with isolcpus, it would not.
if [ -n "$cpus" ]; then
    place /etc/systemd/system/metaflowbenchmarks.slice <<EOF
[Unit]
Description=CPUs for measurements

[Slice]
AllowedCPUs=$cpus
EOF
    for slice in system user init; do
        kind=slice
        [ "$slice" != init ] || kind=scope
        place "/etc/systemd/system/$slice.$kind.d/metaflow-benchmarks.conf" <<EOF
[$(echo "$kind" | sed 's/^s/S/')]
AllowedCPUs=$others
EOF
    done
fi

reload=$(systemctl show --property NeedDaemonReload --value metaflow-benchmarks.timer 2>/dev/null || true)
if [ "$changes" != 0 ] || [ "$reload" = yes ]; then
    would systemctl daemon-reload
fi
for unit in metaflow-benchmarks-tune.service metaflow-benchmarks.timer; do
    systemctl is-enabled --quiet "$unit" 2>/dev/null || would systemctl enable --now "$unit"
done

if [ "$changes" = 0 ]; then
    echo "nothing to do"
elif [ "$dry_run" = 1 ]; then
    echo "$changes changes; nothing was done"
fi
