#!/bin/sh
# Make a dedicated Linux machine a quiet place to measure: packages, pyperf system tune, isolated
# CPUs, and a timer that runs `make update`. Usage:
# set_up_host.sh [--dry-run] [--cpus LIST] [--machine NAME] [USER]
#
# A second run does only what is not done; --dry-run prints what that is. What is not said (CPUs,
# name, user) stays as an earlier run was told; a timer that somebody has disabled stays disabled.
set -eu

# fail MESSAGE: end with it.
fail() {
    echo "error: $1" >&2
    exit 3
}

dry_run=0 cpus="" user="" machine=""
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --cpus)
        [ $# -gt 1 ] || fail "--cpus needs a list, such as 2-3"
        cpus=$2
        shift
        ;;
    --machine)
        [ $# -gt 1 ] || fail "--machine needs a name"
        machine=$2
        shift
        ;;
    -h | --help)
        sed -n '2,7s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    -*) fail "unknown option $1; see --help" ;;
    *)
        [ -z "$user" ] || fail "one USER, not two: $user $1"
        user=$1
        ;;
    esac
    shift
done
project=$(cd "$(dirname "$0")/.." && pwd)
root=${METAFLOW_BENCHMARKS_HOST_ROOT:-}
units=/etc/systemd/system

for tool in apt-get dpkg-query systemctl nproc; do
    command -v "$tool" >/dev/null || fail "there is no $tool; this sets up Debian and Ubuntu with systemd"
done
if command -v python3 >/dev/null &&
    ! python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
    fail "the system's python3 is not of 3.10 to 3.13; docs/host.md names systems whose is"
fi

# told UNIT PATTERN: what an earlier run has written into a unit, "" where there was none.
told() { sed -n "s/$2/\\1/p" "$root$units/$1" 2>/dev/null || true; }
cpus=${cpus:-$(told metaflowbenchmarks.slice '^AllowedCPUs=\(.*\)')}
machine=${machine:-$(told metaflow-benchmarks.service '^ExecStart=.* MACHINE=\(.*\)')}
user=${user:-$(told metaflow-benchmarks.service '^User=\(.*\)')}
if [ -z "$user" ]; then
    user=${SUDO_USER:-$(id -un)}
    [ "$user" != root ] || fail "measuring needs no root: name the USER to measure as"
fi

# each LIST: the CPUs of a list such as 0-2,5, one a line.
each() {
    echo "$1" | tr ',' '\n' | while IFS=- read -r first last; do
        seq "$first" "${last:-$first}"
    done
}

if [ -n "$cpus" ]; then
    cpus=$(printf %s "$cpus" | tr '\n' ' ')
    echo "$cpus" | grep -Eqx '[0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*' ||
        fail "--cpus $cpus is no list of CPUs, such as 2-3 or 1,3"
    last_cpu=$(($(nproc --all) - 1))
    for part in $(echo "$cpus" | tr ',' ' '); do
        if [ "${part%-*}" -gt "${part#*-}" ] || [ "${part#*-}" -gt "$last_cpu" ]; then
            fail "--cpus $part is not among the CPUs of this machine, 0-$last_cpu"
        fi
    done
    # pyperf wants them in order.
    cpus=$(each "$cpus" | sort -nu | paste -sd,)
    others=$(each "0-$last_cpu" | grep -vxF "$(each "$cpus")" | paste -sd, || true)
    [ -n "$others" ] || fail "--cpus $cpus leaves no CPU for anything else"
fi
case $machine in
-* | *[!A-Za-z0-9._-]*) fail "--machine $machine is no name: use letters, digits, . _ and -" ;;
esac
# id takes a number for a user, too, with or without a sign, and systemd does not.
case $user in
*[!0-9+]*) id "$user" >/dev/null 2>&1 || fail "there is no user $user; name one" ;;
*) fail "USER $user is a number; name somebody" ;;
esac
if [ "$dry_run" = 0 ] && [ -z "$root" ] && [ "$(id -u)" != 0 ]; then
    fail "this changes the system; run it as root, or with --dry-run"
fi

changes=0
# would COMMAND...: run it, or tell what would be run.
would() {
    changes=$((changes + 1))
    if [ "$dry_run" = 1 ]; then
        echo "would run: $*"
    else
        echo "running: $*"
        said=$("$@" 2>&1) || fail "$* failed ($(echo "$said" | tail -n 1)); mend it and run again"
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

# Ubuntu has no package of chromium; without it, the tests of the site are skipped.
packages="git make python3-venv valgrind npm"
release=/etc/os-release
[ ! -f "$root$release" ] || release=$root$release
grep -Eqx 'ID="?ubuntu"?' "$release" 2>/dev/null || packages="$packages chromium"
missing=""
for package in $packages; do
    command -v "$package" >/dev/null ||
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
# Nobody is there to answer what a package, or needrestart, would ask.
export DEBIAN_FRONTEND=noninteractive
[ -z "$missing" ] || would apt-get update -qq
for package in $missing; do
    would apt-get install -qq -y "$package"
done

# An environment that only root can change, for root runs it. pyperf knows what of a system
# disturbs: it sets governor, turbo and perf's own rate, and keeps interrupts from the CPUs named.
tuner=/opt/metaflow-benchmarks
if [ ! -x "$root$tuner/bin/pyperf" ]; then
    would python3 -m venv "$root$tuner"
    would "$root$tuner/bin/pip" install --quiet pyperf
fi
place $units/metaflow-benchmarks-tune.service <<EOF
[Unit]
Description=Quiet the system for metaflow-benchmarks

[Service]
Type=oneshot
RemainAfterExit=yes
# What a machine does not let itself be told (a virtual one, much) is no reason not to measure.
ExecStart=-$tuner/bin/python -m pyperf system tune${cpus:+ --affinity=$cpus}
ExecStop=-$tuner/bin/python -m pyperf system reset${cpus:+ --affinity=$cpus}

[Install]
WantedBy=multi-user.target
EOF

place $units/metaflow-benchmarks.service <<EOF
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

place $units/metaflow-benchmarks.timer <<EOF
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
    place $units/metaflowbenchmarks.slice <<EOF
[Unit]
Description=CPUs for measurements

[Slice]
AllowedCPUs=$cpus
EOF
    for slice in system user init; do
        kind=slice
        [ "$slice" != init ] || kind=scope
        place "$units/$slice.$kind.d/metaflow-benchmarks.conf" <<EOF
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
    enabled=$tuner/enabled-$unit
    if systemctl is-enabled --quiet "$unit" 2>/dev/null; then
        continue
    elif [ -e "$root$enabled" ]; then
        echo "$unit was disabled by somebody, and stays so (systemctl enable --now $unit)"
    else
        would systemctl enable --now "$unit"
        [ "$dry_run" = 1 ] || : >"$root$enabled"
    fi
done

if [ "$changes" = 0 ]; then
    echo "nothing to do"
elif [ "$dry_run" = 1 ]; then
    echo "$changes changes; nothing was done"
fi
