"""Files that a run takes along: an `IncludeFile` parameter and the code package."""

import importlib.util
import io
import sys
import tarfile

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.common import payload_bytes
from benchmarks.datastores import FLOW, metaflow, require_metaflow
from benchmarks.processes import place_flow
from benchmarks.surroundings import fresh_folder

if metaflow is not None:
    from metaflow import includefile
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.package import MetaflowPackage
    from metaflow.plugins.datatools.local import Local


def silent(*_, **__):
    """Stand for the function that prints what metaflow does."""


def handler_of(root):
    """Return metaflow's handler of local files, keeping them in a folder of one's own."""

    class Handler(Local):
        @classmethod
        def get_root_from_config(cls, *_, **__):
            return str(root)

    return Handler


class Included:
    """One file, and what metaflow's uploader needs to store it."""

    params = ("metrics-52KB", "text-10MB")
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 3, 0, 60

    def setup(self, payload):
        require_metaflow()
        self.uploader = getattr(includefile, "CURRENT_UPLOADER", None)
        if self.uploader is None:
            raise SkipNotImplemented("this release has no CURRENT_UPLOADER")
        self.handler = handler_of(fresh_folder())
        self.content = payload_bytes(payload)
        self.path = self.file_of(self.content)
        self.read(self.store(self.file_of(b"warm up")))

    def file_of(self, content):
        """Write the file that a person names on the command line."""
        path = fresh_folder() / "file"
        path.write_bytes(content)
        return path

    def store(self, path):
        """Store a file, as `run --file PATH` does."""
        return self.uploader.store(FLOW, str(path), False, None, self.handler, silent)

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


class CodePackage:
    """Build the code package: what each run on a cluster, and each deployment, begins with."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 3, 0, 60

    def setup(self):
        require_metaflow()
        folder = fresh_folder()
        script = folder / place_flow("hello.py", folder)
        sys.argv[0] = str(script)  # the package holds the folder of the flow's script
        specification = importlib.util.spec_from_file_location("hello", script)
        module = importlib.util.module_from_spec(specification)
        sys.modules["hello"] = module
        specification.loader.exec_module(module)
        self.flow = module.Hello(use_cli=False)
        self.environment = MetaflowEnvironment(self.flow)
        self.package = None

    def time_build(self):
        package = MetaflowPackage(self.flow, self.environment, silent)
        self.package = package.blob

    def teardown(self):
        package = getattr(self, "package", None)
        if package is None:
            return
        content = package.getvalue() if hasattr(package, "getvalue") else bytes(package)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            if not any(name.endswith("hello.py") for name in archive.getnames()):
                raise RuntimeError("the code package lacks the flow's script")
