"""Saving and loading artifacts: what a step pays when it ends, and the next one when it begins."""

from benchmarks import payloads
from benchmarks.payloads import artifact_names, make_artifacts, same
from benchmarks.support import datastores
from benchmarks.support.datastores import readable_task, writable_task
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, settle_disk, skip_when_quick
from benchmarks.support.memory import peak_growth
from benchmarks.support.processes import run_in_fork

covers = ("metaflow/datastore/*", "metaflow/plugins/datastores/*")


class Save(OneSamplePerProcess):
    """Persist a step's artifacts with `TaskDataStore.save_artifacts`: the end of every step."""

    params = payloads.ARTIFACTS
    param_names = ("payload",)
    version = "2"
    rounds = 8
    witness = "instructions.Artifact.track_save({payload})"
    answer = "answers.Artifacts.track_wrong({payload})"
    throughput = True
    quick = ("metrics-52KB", "float64-8MB")
    store_type = None  # the commit's own

    def setup(self, payload):
        skip_longest_when_quick(payload)
        self.artifacts = make_artifacts(payload)
        settle_disk()
        # Last: waiting for the disk leaves the processor's caches empty.
        warm_up(self.store_type)
        self.task = writable_task(fresh_folder(), self.store_type)

    def time_save(self, payload):
        self.task.save_artifacts(iter(self.artifacts), len_hint=len(self.artifacts))


class Other:
    """What else people store: other kinds of content."""

    params = payloads.OTHER_PAYLOADS
    version = "5"
    profile = "thorough"
    witness = quick = None


class SaveOther(Other, Save):
    """Persist what else people store: no kind of content may be slower than it was."""


class SaveWithBlake3Keys(Save):
    """Persist a large artifact under a BLAKE3 key: most of such a save is hashing and writing."""

    params = payloads.INCOMPRESSIBLE_PAYLOADS
    witness = answer = quick = None

    def setup(self, payload):
        datastores.use_blake3_keys()
        super().setup(payload)


class Saved(OneSamplePerProcess):
    """Artifacts that are saved once a round, and found equal when loaded again."""

    param_names = ("payload",)
    store_type = None  # the commit's own

    def setup_cache(self):
        return fresh_folder()

    def setup(self, folder, payload):
        """Find what is saved of a payload; the first case that needs it saves it, untimed."""
        skip_longest_when_quick(payload)
        datastores.require_metaflow()
        store = getattr(self.store_type, "__name__", "own")
        self.folder = folder / f"{store}-{payload}"
        if not self.folder.exists():
            # In a process of its own: a measured one has held no such payload before.
            run_in_fork(save_and_check, payload, self.folder, self.store_type)
        self.names = artifact_names(payload)


class Load(Saved):
    """Read a step's artifacts with `TaskDataStore.load_artifacts`: the start of the next step."""

    params = payloads.ARTIFACTS
    rounds = 8
    witness = "instructions.Artifact.track_load({payload})"
    answer = "answers.Artifacts.track_wrong({payload})"
    throughput = True
    quick = Save.quick

    def setup(self, folder, payload):
        super().setup(folder, payload)
        warm_up(self.store_type)
        self.task = readable_task(self.folder, self.store_type)

    def time_load(self, folder, payload):
        for _ in self.task.load_artifacts(self.names):
            pass


class LoadOther(Other, Load):
    """Read what else people store, at the start of a step that needs it."""


class Stored(Saved):
    """The bytes that artifacts take in the datastore: what a person pays for storage."""

    params = payloads.ARTIFACTS
    unit = "bytes"

    def track_bytes(self, folder, payload):
        sizes = [path.stat().st_size for path in self.folder.glob("*/data/**/*") if path.is_file()]
        if not sizes:
            raise RuntimeError(f"no file of {payload} was found below {self.folder}")
        return sum(sizes)


class StoredOther(Other, Stored):
    """The bytes that other content takes: at most a tenth more than before."""


class Memory(Saved):
    """Memory above the artifact itself while it is saved or loaded: what overruns a container."""

    params = payloads.LARGE_PAYLOADS
    unit = "bytes"

    def setup(self, folder, payload):
        skip_when_quick("peaks of memory hardly change from day to day")
        super().setup(folder, payload)
        warm_up()

    def track_peak_of_save(self, folder, payload):
        artifacts = make_artifacts(payload)
        task = writable_task(fresh_folder())
        return peak_growth(lambda: task.save_artifacts(iter(artifacts), len_hint=1))

    def track_peak_of_load(self, folder, payload):
        task = readable_task(self.folder)
        return peak_growth(lambda: list(task.load_artifacts(self.names)))


def skip_longest_when_quick(payload):
    """Skip the payloads that would take most of a quick run."""
    if payload in (*payloads.LONGEST_PAYLOADS, *payloads.OTHER_PAYLOADS):
        skip_when_quick(f"{payload} takes long, or is not among the usual payloads")


def save(artifacts, folder, store_type=None):
    """Save the artifacts of a finished task."""
    task = writable_task(folder, store_type)
    task.save_artifacts(iter(artifacts), len_hint=len(artifacts))
    task.done()


def load(names, folder, store_type=None):
    """Load artifacts in the order of their names."""
    return dict(readable_task(folder, store_type).load_artifacts(names))


def warm_up(store_type=None):
    """Save and load another artifact, so that no sample pays for first uses of code.

    Twice: what the first time imports leaves the second one to run with cold caches.
    """
    for _ in range(2):
        folder = fresh_folder()
        save([("warm_up", {"warm": "up"})], folder, store_type)
        load(["warm_up"], folder, store_type)


def save_and_check(payload, folder, store_type):
    """Save a payload; its folder appears only when the payload was loaded equal."""
    unchecked = folder.with_name(f"{folder.name}-unchecked")
    artifacts = make_artifacts(payload)
    save(artifacts, unchecked, store_type)
    if not same(load(artifact_names(payload), unchecked, store_type), dict(artifacts)):
        raise RuntimeError(f"{payload} was loaded with another value than it was saved with")
    unchecked.rename(folder)
