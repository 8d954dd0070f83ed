#!/bin/sh
# Let this machine measure new releases of metaflow each night, as USER in this checkout.
# For Debian and Ubuntu; run it as root.
#
#   set_up_host.sh [--dry-run] [--cpus LIST] [--machine NAME] USER
#
#   --dry-run       print each step, and do nothing
#   --cpus LIST     reserve these CPUs for measurements: 2-3 or 1,3
#   --machine NAME  the folder in results/; the host's name if omitted
#
# To change an option, run it again with all options.
set -eu

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 3
}

dry_run="" cpus="" machine=""
while [ $# -gt 1 ]; do
    case $1 in
    --dry-run) dry_run=yes ;;
    --cpus) cpus=$2 && shift ;;
    --machine) machine=$2 && shift ;;
    *) usage ;;
    esac
    shift
done
user=${1:-}
case $user in "" | -*) usage ;; esac
project=$(cd "$(dirname "$0")/.." && pwd)
root=${DESTDIR:-}

# expand LIST: print the CPUs of a list such as 0-2,5, one per line; "?" for what is no number.
expand() {
    echo "$1" | tr ',' '\n' | while IFS=- read -r first last; do
        seq "$first" "${last:-$first}" 2>/dev/null || echo "?"
    done
}
others=""
if [ -n "$cpus" ]; then
    every=$(seq 0 $(($(nproc --all) - 1)))
    ours=$(expand "$cpus" | sort -nu)
    others=$(echo "$every" | grep -vxF "$ours" | paste -sd,)
    if [ -z "$ours" ] || [ -z "$others" ] || echo "$ours" | grep -qvxF "$every"; then
        echo "error: --cpus $cpus: name some of this machine's CPUs, not all (lscpu lists them)" >&2
        exit 3
    fi
    # In order, as pyperf wants them.
    cpus=$(echo "$ours" | paste -sd,)
fi

# step COMMAND...: run a command, or in a dry run print it.
step() {
    echo "+ $*"
    [ -n "$dry_run" ] || "$@"
}

# write NAME: write standard input to a file of systemd, or in a dry run print it.
write() {
    path=$root/etc/systemd/system/$1
    echo "+ write $path"
    if [ -n "$dry_run" ]; then sed 's/^/    /'; else install -D -m 644 /dev/stdin "$path"; fi
}

# Nobody is there to answer a package's questions.
export DEBIAN_FRONTEND=noninteractive
step apt-get update -qq
step apt-get install -qq -y git make npm python3-venv valgrind
step runuser -u "$user" -- make -C "$project" setup
# Root runs this pyperf, so only root may change it.
step python3 -m venv "$root/opt/metaflow-benchmarks"
step "$root/opt/metaflow-benchmarks/bin/pip" install --quiet pyperf

# Unlike isolcpus, a slice lets the scheduler spread work over its CPUs. No CPUs means all of them.
write metaflowbenchmarks.slice <<END
[Slice]
AllowedCPUs=$cpus
END
for slice in system.slice user.slice; do
    write $slice.d/metaflow-benchmarks.conf <<END
[Slice]
AllowedCPUs=$others
END
done
# pyperf sets the governor, turbo and perf's sample rate, and keeps interrupts off the reserved
# CPUs. It runs as root ("+"), and may fail ("-"): a virtual machine refuses many settings.
write metaflow-benchmarks.service <<END
[Unit]
Description=Measure new releases of metaflow and publish
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
User=$user
WorkingDirectory=$project
Slice=metaflowbenchmarks.slice
ExecStartPre=-+/opt/metaflow-benchmarks/bin/python -m pyperf system tune${cpus:+ --affinity=$cpus}
ExecStart=/usr/bin/make update${machine:+ MACHINE=$machine}
TimeoutStartSec=infinity
END
write metaflow-benchmarks.timer <<END
[Timer]
OnCalendar=02:30
Persistent=true

[Install]
WantedBy=timers.target
END
step systemctl daemon-reload
step systemctl enable --now metaflow-benchmarks.timer
