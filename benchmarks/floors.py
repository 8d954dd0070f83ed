"""What plain pickle, sha1, zlib, files and fork take for the same work, and the least there is.

Nothing here runs metaflow's code, so that each case stands beside that of `artifacts` or
`multicore` in the same run, and tells how much of it is left to gain.
"""

import hashlib
import mmap
import os
import pickle
import zlib
from contextlib import suppress

import numpy

from benchmarks.common import INCOMPRESSIBLE_PAYLOADS, make_payload
from benchmarks.surroundings import fresh_folder, settle_disk

PAYLOADS = ("float64-800KB", *INCOMPRESSIBLE_PAYLOADS)
HUGE_PAGE = 2 * 1024 * 1024


class Save:
    """Pickle, hash by sha1 and write what does not compress, as plain Python does."""

    params = PAYLOADS
    param_names = ("payload",)
    version = "3"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup(self, payload):
        self.artifact = make_payload(payload)
        settle_disk()
        hash_and_write(pickle.dumps("warm up", protocol=4), fresh_folder())
        self.folder = fresh_folder()

    def time_save(self, payload):
        hash_and_write(pickle.dumps(self.artifact, protocol=4), self.folder)


class Load:
    """Unpickle from a file, as plain Python does."""

    params = (*PAYLOADS, "metrics-52KB")
    param_names = ("payload",)
    version = "2"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup_cache(self):
        folder = fresh_folder()
        for payload in self.params:
            (folder / payload).write_bytes(pickle.dumps(make_payload(payload), protocol=4))
        return folder

    def setup(self, folder, payload):
        self.file = folder / payload

    def time_load(self, folder, payload):
        with self.file.open("rb") as opened:
            pickle.load(opened)


class HashAndWrite:
    """Hash an artifact's own memory by sha1 and write it: no save of that key does less."""

    params = PAYLOADS
    param_names = ("payload",)
    version = "2"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup(self, payload):
        self.memory = memoryview(make_payload(payload)).cast("B")
        settle_disk()
        hash_and_write(b"warm up", fresh_folder())
        self.folder = fresh_folder()

    def time_save(self, payload):
        hash_and_write(self.memory, self.folder)


def hash_and_write(content, folder):
    """Write bytes to a file that is named by their sha1."""
    (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


class ReadOnce(Load):
    """Copy a file once into fresh memory, in huge pages where the system has them."""

    version = "3"

    def time_load(self, folder, payload):
        with self.file.open("rb", buffering=0) as opened:
            size = os.fstat(opened.fileno()).st_size
            opened.readinto(fresh_memory(size))


def fresh_memory(size):
    """Return memory that no one has touched, from 512 KB on in huge pages."""
    # Private: the system has no huge pages for what is shared.
    memory = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= HUGE_PAGE // 4 and hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    # From where one can begin.
    start = -numpy.frombuffer(memory, "u1").__array_interface__["data"][0] % HUGE_PAGE
    return memoryview(memory)[start : start + size]


class Inflate:
    """Read, decompress and unpickle as plain Python does: zlib, in one call that knows the size."""

    params = ("text-10MB", "columns-20MB")
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 6, 0, 60

    def setup_cache(self):
        folder = fresh_folder()
        sizes = {}
        for payload in self.params:
            pickled = pickle.dumps(make_payload(payload), protocol=4)
            compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
            (folder / payload).write_bytes(compressor.compress(pickled) + compressor.flush())
            sizes[payload] = len(pickled)
        return folder, sizes

    def setup(self, cached, payload):
        folder, sizes = cached
        self.file, self.size = folder / payload, sizes[payload]

    def time_load(self, cached, payload):
        pickle.loads(zlib.decompress(self.file.read_bytes(), 31, self.size))


class Fork:
    """Fork processes that end at once, and wait for each: the least that any parallel map does."""

    params = (1, 8, 64)
    param_names = ("tasks",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 7, 0, 60

    def time_fork_and_wait(self, tasks):
        at_once = os.cpu_count()
        for started in range(tasks):
            if started >= at_once:
                os.wait()
            if os.fork() == 0:
                os._exit(0)
        for _ in range(min(tasks, at_once)):
            os.wait()
