#!/bin/sh
# Python as valgrind counts its instructions, and those of each process that it forks.
exec valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
    --log-file=counts/%p "$PYTHON" "$@"
