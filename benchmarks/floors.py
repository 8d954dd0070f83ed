"""Floors: what plain pickle, sha1, zlib, files and fork take for the same work.

Nothing here runs metaflow's code. Each case stands beside that of `artifacts` or `multicore` in
the same run, and shows how much of it is left to gain.
"""

import hashlib
import mmap
import os
import pickle
import zlib
from contextlib import suppress

import numpy

from benchmarks.payloads import INCOMPRESSIBLE_PAYLOADS, make_payload
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, settle_disk

profile = "thorough"
runs_metaflow = False
param_names = ("payload",)
rounds = 4

PAYLOADS = ("float64-800KB", *INCOMPRESSIBLE_PAYLOADS)
HUGE_PAGE = 2 * 1024 * 1024


class Save(OneSamplePerProcess):
    """Pickle, hash by sha1 and write what does not compress, as plain Python does."""

    params = PAYLOADS
    version = "3"

    def setup(self, payload):
        self.artifact = make_payload(payload)
        settle_disk()
        hash_and_write(pickle.dumps("warm up", protocol=4), fresh_folder())
        self.folder = fresh_folder()

    def time_save(self, payload):
        hash_and_write(pickle.dumps(self.artifact, protocol=4), self.folder)


class Load(OneSamplePerProcess):
    """Unpickle from a file, as plain Python does."""

    params = (*PAYLOADS, "metrics-52KB")
    version = "2"

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


class HashAndWrite(Save):
    """Hash an artifact's own memory by sha1 and write it: no save under such a key does less."""

    version = "2"

    def setup(self, payload):
        super().setup(payload)
        self.memory = memoryview(self.artifact).cast("B")

    def time_save(self, payload):
        hash_and_write(self.memory, self.folder)


class ReadOnce(Load):
    """Copy a file once into fresh memory, in huge pages where the system has them."""

    version = "3"

    def time_load(self, folder, payload):
        with self.file.open("rb", buffering=0) as opened:
            size = os.fstat(opened.fileno()).st_size
            opened.readinto(fresh_memory(size))


class Inflate(OneSamplePerProcess):
    """Read, decompress and unpickle as plain Python does: zlib, in one call that knows the size."""

    params = ("text-10MB", "columns-20MB")
    rounds = 6

    def setup_cache(self):
        cached = {}
        for payload in self.params:
            file, pickled = fresh_folder() / payload, pickle.dumps(make_payload(payload), 4)
            compressor = zlib.compressobj(1, zlib.DEFLATED, 31)
            file.write_bytes(compressor.compress(pickled) + compressor.flush())
            cached[payload] = file, len(pickled)
        return cached

    def setup(self, cached, payload):
        self.file, self.size = cached[payload]

    def time_load(self, cached, payload):
        pickle.loads(zlib.decompress(self.file.read_bytes(), 31, self.size))


class Fork(OneSamplePerProcess):
    """Fork processes that end at once, and wait for each: the least that any parallel map does."""

    params = (1, 8, 64)
    param_names = ("tasks",)
    rounds = 7

    def time_fork_and_wait(self, tasks):
        at_once = os.cpu_count()
        for started in range(tasks):
            if started >= at_once:
                os.wait()
            if os.fork() == 0:
                os._exit(0)
        for _ in range(min(tasks, at_once)):
            os.wait()


def hash_and_write(content, folder):
    """Write bytes to a file that is named by their sha1."""
    (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


def fresh_memory(size):
    """Return memory that no one has touched, from 512 KB on in huge pages."""
    # Private: the system has no huge pages for shared memory.
    memory = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if size >= HUGE_PAGE // 4:
        with suppress(AttributeError, OSError):  # a system without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    # A huge page begins at a multiple of its size.
    start = -numpy.frombuffer(memory, "u1").__array_interface__["data"][0] % HUGE_PAGE
    return memoryview(memory)[start : start + size]
