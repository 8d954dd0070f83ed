"""Artifacts in S3: what a step pays where artifacts go through metaflow's S3 datastore.

The server is on this machine: it speaks S3's protocol as the real one does, and answers faster.
What is measured is metaflow's work and its number of requests.
"""

from benchmarks.payloads import artifact_names, make_artifacts, same
from benchmarks.support.datastores import require_metaflow, task_datastore
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, settle_disk
from benchmarks.support.s3_servers import only_this_server, start

covers = (
    "metaflow/plugins/datatools/s3/*",
    "metaflow/plugins/aws/aws_client.py",
    "metaflow/datastore/*",
    "metaflow/plugins/datastores/*",
)
profile = "thorough"

BUCKET = "benchmarks"


class Served(OneSamplePerProcess):
    """Artifacts in the bucket of a server that lives as long as the sample."""

    # Many small objects go through metaflow's parallel workers, few through one client.
    params = ("dict-233B", "20-small", "float64-8MB", "text-10MB")
    param_names = ("payload",)
    rounds = 4
    program = "s3_server.py"

    def setup(self, payload):
        require_metaflow()
        self.server, address = start(self.program)
        only_this_server(address)
        # Not at the top: no other benchmark is to find these loaded.
        import boto3
        from metaflow.plugins.datastores import s3_storage

        # Where workers keep what they download; read from the settings when it was imported.
        s3_storage.ARTIFACT_LOCALROOT = str(fresh_folder())
        self.storage_type = s3_storage.S3Storage
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        self.artifacts = make_artifacts(payload)
        self.names = artifact_names(payload)
        # This makes the first request of the process, which takes longest.
        self.task = self.open_task("w")
        self.task.init_task()

    def open_task(self, mode):
        return task_datastore(mode, f"s3://{BUCKET}/metaflow", storage_type=self.storage_type)

    def save(self):
        self.task.save_artifacts(iter(self.artifacts), len_hint=len(self.artifacts))

    def teardown(self, payload):
        self.server.communicate()  # closes its standard input, which ends it
        if not same(dict(self.loaded), dict(self.artifacts)):
            raise RuntimeError("what was loaded is not what was saved")


class Save(Served):
    """Persist a step's artifacts in S3: the end of every step."""

    def time_save(self, payload):
        self.save()

    def teardown(self, payload):
        self.task.done()
        self.loaded = list(self.open_task("r").load_artifacts(self.names))
        super().teardown(payload)


class Load(Served):
    """Read a step's artifacts from S3: the start of the next step."""

    def setup(self, payload):
        super().setup(payload)
        self.save()
        self.task.done()
        self.task = self.open_task("r")

    def time_load(self, payload):
        self.loaded = list(self.task.load_artifacts(self.names))


class OnGateway(Served):
    """Many small artifacts, or one of several parts, where MinIO's front keeps files."""

    # boto3 sends an object in parts from 8 MB on.
    params = ("300-small", "float64-64MB")
    timeout = 300
    program = "s3_gateway.py"

    def setup(self, payload):
        super().setup(payload)
        settle_disk()


class SaveToGateway(OnGateway, Save):
    """Persist many small artifacts, or one of several parts, where MinIO's front keeps files."""


class LoadFromGateway(OnGateway, Load):
    """Read many small artifacts, or one of several parts, where MinIO's front keeps files."""
