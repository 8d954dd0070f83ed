"""Save and load artifacts as `branches.py` does, wherever objects lie in memory.

What memory costs depends on where it lies: whether a pool has room, whether a block can grow in
place. A constant more in metaflow changes that, and with it the count of a load by 0.6%. So each
branch finds memory as if nothing had been there before: no garbage, pools of Python's that have
just begun, and a thread to which the C library gives memory of its own.

`branches.py` stays as it is, because compiling it is counted with each command.

Arguments: the payloads.
"""

import gc
import os
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import branches

# Where the first block of a pool lies, and of the first pool of an arena (1 MiB).
POOL, MEBIBYTE, FIRST_BLOCK = 2**14, 2**20, 48
fork = branches.branch


def fork_from_new_memory(payloads):
    """Warm all code up, then fork what `branches.artifacts` would fork."""
    found = []
    branches.branch = lambda *branch: found.append(branch)
    branches.artifacts(*payloads)
    gc.collect()
    held = fill_pools()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(fork_each, found).result()
    del held


def fork_each(found):
    """Fork each branch; Python may warn of the first fork of a thread."""
    fork("nothing", os._exit, 0)
    for name, action, *arguments in found:
        fork(name, end_with, action, *arguments)


def end_with(action, *arguments):
    """Run an action that ends its process; end it after an error, too."""
    try:
        action(*arguments)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def fill_pools():
    """Fill all pools, so that each size of block begins a new one; return what fills them.

    The last of these begins an arena: freeing across that line costs a little more.
    """
    held = [bytes(512 - 33) for _ in range(8192)]
    for size in range(16, 513, 16):
        for number in range(1000, 9192):
            made = object() if size == 16 else number if size == 32 else bytes(size - 33)
            held.append(made)
            if id(made) % (MEBIBYTE if size == 512 else POOL) == FIRST_BLOCK:
                break
    return held


if __name__ == "__main__":
    # numpy's threads would wait busily.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    sys.path.insert(0, str(Path(__file__).parents[2]))
    fork_from_new_memory(sys.argv[1:])
    for name, process in branches.branches.items():
        print("branch", process, name)
