"""Artifacts in S3: what a step pays where artifacts go through metaflow's S3 datastore.

The server is on this machine: it speaks S3's protocol as the real one does, and answers faster.
What is measured is metaflow's work and its number of requests.
"""

from benchmarks.artifacts import THREE_HUNDRED_SMALL, TWENTY_SMALL, make_artifacts
from benchmarks.common import same
from benchmarks.datastores import FLOW, RUN, STEP, TASK, require_metaflow
from benchmarks.s3_servers import end, only_this_server, start_gateway, start_moto
from benchmarks.surroundings import fresh_folder, settle_disk, skip_when_quick

# Many small objects go through metaflow's parallel workers, few through one client.
PAYLOADS = ("dict-233B", TWENTY_SMALL, "float64-8MB", "text-10MB")
# A few hundred small ones, and one far above 8 MB, from where boto3 sends an object in parts.
OBJECTS = (THREE_HUNDRED_SMALL, "float64-64MB")
BUCKET = "benchmarks"


def task_in_s3(mode):
    """Return the datastore of a task that keeps its artifacts in the server's bucket."""
    # Here, for no other benchmark is to find this loaded.
    from metaflow.datastore import FlowDataStore
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.plugins.datastores.s3_storage import S3Storage

    flow = FlowDataStore(
        FLOW, MetaflowEnvironment(None), storage_impl=S3Storage, ds_root=f"s3://{BUCKET}/metaflow"
    )
    return flow.get_task_datastore(RUN, STEP, TASK, attempt=0, mode=mode)


class Served:
    """Artifacts in the bucket of a server that lives as long as the sample."""

    params = PAYLOADS
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60
    start_server = staticmethod(start_moto)

    def setup(self, payload):
        skip_when_quick("a server is started for each sample")
        require_metaflow()
        self.server, address = self.start_server()
        only_this_server(address)
        import boto3
        from metaflow.plugins.datastores import s3_storage

        # Where workers keep what they download; read from the settings when it was imported.
        s3_storage.ARTIFACT_LOCALROOT = str(fresh_folder())

        boto3.client("s3").create_bucket(Bucket=BUCKET)
        self.artifacts = make_artifacts(payload)
        self.names = [name for name, _ in self.artifacts]

    def teardown(self, payload):
        if hasattr(self, "server"):
            end(self.server)

    def begin(self):
        """Begin a task, and make the first request of this process, which takes longest."""
        self.task = task_in_s3("w")
        self.task.init_task()

    def save(self):
        """Save the artifacts of a step."""
        self.task.save_artifacts(iter(self.artifacts), len_hint=len(self.artifacts))


class Save(Served):
    """Persist a step's artifacts in S3: the end of every step."""

    def setup(self, payload):
        super().setup(payload)
        self.begin()

    def time_save(self, payload):
        self.save()

    def teardown(self, payload):
        try:
            if hasattr(self, "task"):
                check(self.task, self.artifacts)
        finally:
            super().teardown(payload)


class Load(Served):
    """Read a step's artifacts from S3: the start of the next step."""

    def setup(self, payload):
        super().setup(payload)
        self.begin()
        self.save()
        self.task.done()
        self.task = task_in_s3("r")

    def time_load(self, payload):
        self.loaded = list(self.task.load_artifacts(self.names))

    def teardown(self, payload):
        super().teardown(payload)
        if hasattr(self, "loaded") and not equal(self.loaded, self.artifacts):
            raise RuntimeError("what was loaded is not what was saved")


class OnGateway(Served):
    """Many small artifacts, or one of several parts, where MinIO's front keeps files."""

    params = OBJECTS
    version = "1"
    timeout = 300
    start_server = staticmethod(start_gateway)

    def setup(self, payload):
        super().setup(payload)
        settle_disk()


class SaveToGateway(OnGateway, Save):
    """Persist many small artifacts, or one of several parts, where MinIO's front keeps files."""


class LoadFromGateway(OnGateway, Load):
    """Read many small artifacts, or one of several parts, where MinIO's front keeps files."""


def check(task, artifacts):
    """Raise unless a task's artifacts can be read again, equal."""
    task.done()
    loaded = list(task_in_s3("r").load_artifacts([name for name, _ in artifacts]))
    if not equal(loaded, artifacts):
        raise RuntimeError("what was saved is not what is loaded")


def equal(loaded, artifacts):
    """Tell whether loaded artifacts are those that were saved, in whatever order they came."""
    found = dict(loaded)
    return len(found) == len(artifacts) and all(same(found[name], each) for name, each in artifacts)
