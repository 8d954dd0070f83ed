#!/bin/sh
# Make the environment that everything else runs in. Usage: set_up.sh PYTHON FOLDER
set -u
python=$1 folder=$2

fail() {
    echo "error: $1" >&2
    exit 3
}

command -v git >/dev/null || fail "git is missing; install it (on Debian: apt-get install git)"
command -v "$python" >/dev/null ||
    fail "$python is missing; name a Python 3.10 to 3.13: make PYTHON=..."
"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' ||
    fail "$("$python" --version) is not supported; name a Python 3.10 to 3.13: make PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "$python has no venv; install it (on Debian: apt-get install python3-venv)"

# What the tools print is kept for the case that something fails, and not shown: a person needs
# one line.
log=$folder/set_up.log
quietly() {
    "$@" >>"$log" 2>&1 || fail "the packages can't be fetched (details: $log); check the network and run again"
}

echo "setting up $folder"
# An environment of the same Python stays, so that no failure leaves a person without one.
version='import sys; print(sys.version)'
if [ "$("$folder/bin/python" -c "$version" 2>/dev/null)" != "$("$python" -c "$version")" ] ||
    ! "$folder/bin/uv" --version >/dev/null 2>&1; then
    { rm -rf "$folder" && mkdir "$folder"; } 2>/dev/null ||
        fail "$folder can't be written; make this folder writable and run again"
    "$python" -m venv "$folder" >>"$log" 2>&1 ||
        fail "$python can't make an environment (details: $log)"
    quietly "$folder/bin/python" -m pip install --disable-pip-version-check --retries 2 \
        --constraint constraints.txt uv
fi
quietly "$folder/bin/uv" pip install --python "$folder/bin/python" \
    --constraint constraints.txt --requirements pyproject.toml --group development --group running
# The command mfbench, from this folder.
quietly "$folder/bin/uv" pip install --python "$folder/bin/python" --no-deps --no-build-isolation --editable .
# What some benchmarks find beside metaflow, in a folder that no other process looks into.
quietly "$folder/bin/uv" pip install --python "$folder/bin/python" --target "$folder/beside" \
    --compile-bytecode --constraint constraints.txt --group beside
