#!/bin/sh
# What the set-up needs of a machine, checked before anything is made. Usage: check_host.sh PYTHON
set -u

fail() {
    echo "error: $1" >&2
    exit 3
}

command -v git >/dev/null || fail "git is missing; install it (on Debian: apt-get install git)"
command -v "$1" >/dev/null || fail "$1 is missing; name a Python 3.10 to 3.13: make PYTHON=..."
"$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' ||
    fail "$("$1" --version) is not supported; name a Python 3.10 to 3.13: make PYTHON=..."
"$1" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$1 has no venv; install it (on Debian: apt-get install python3-venv)"
