"""Files that a run takes along: an `IncludeFile` parameter and the code package."""

import gzip
import importlib
import sys

from benchmarks.payloads import payload_bytes
from benchmarks.support.datastores import FLOW, metaflow, require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import place_flow

if metaflow is not None:
    from metaflow import includefile
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.package import MetaflowPackage
    from metaflow.plugins.datatools.local import Local

covers = ("metaflow/includefile.py", "metaflow/package/*", "metaflow/packaging_sys/*")
rounds = 3


class Included(OneSamplePerProcess):
    """One file, and what metaflow's uploader needs to store it."""

    params = ("metrics-52KB", "text-10MB")
    param_names = ("payload",)
    throughput = True

    def setup(self, payload):
        require_metaflow()
        root = str(fresh_folder())
        self.handler = type("Handler", (Local,), {"get_root_from_config": lambda *_, **__: root})
        self.content = payload_bytes(payload)
        self.path, another = fresh_folder() / "file", fresh_folder() / "file"
        self.path.write_bytes(self.content)
        another.write_bytes(b"warm up")
        self.read(self.store(another))

    def store(self, path):
        """Store a file, as `run --file PATH` does."""
        uploader = includefile.CURRENT_UPLOADER
        return uploader.store(FLOW, str(path), False, None, self.handler, silent)

    def read(self, stored):
        """Read a stored file, as `self.file` in a step does."""
        return includefile.IncludedFile(stored).decode("file")


class StoreFile(Included):
    """Store an `IncludeFile`: once, when a run begins."""

    def time_store(self, payload):
        self.store(self.path)


class ReadFile(Included):
    """Read an `IncludeFile`: in every task that uses it."""

    def setup(self, payload):
        super().setup(payload)
        self.stored = self.store(self.path)

    def time_read(self, payload):
        if len(self.read(self.stored)) != len(self.content):
            raise RuntimeError("another file was read than was stored")


class CodePackage(OneSamplePerProcess):
    """Build the code package: what each run on a cluster, and each deployment, begins with."""

    def setup(self):
        require_metaflow()
        folder = fresh_folder()
        # The package holds the folder of the flow's script.
        sys.argv[0] = str(folder / place_flow("hello.py", folder))
        sys.path.insert(0, str(folder))
        self.flow = importlib.import_module("hello").Hello(use_cli=False)
        self.environment = MetaflowEnvironment(self.flow)

    def time_build(self):
        package = MetaflowPackage(self.flow, self.environment, silent)
        self.package = package.blob

    def teardown(self):
        if b"class Hello(FlowSpec)" not in gzip.decompress(self.package):
            raise RuntimeError("the code package lacks the flow's script")


def silent(*_, **__):
    """Stand for the function that prints what metaflow does."""
