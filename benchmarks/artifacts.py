"""Saving and loading artifacts: what a step pays when it ends, and the next one when it begins."""

import json
import multiprocessing
from pathlib import Path

from benchmarks.common import (
    INCOMPRESSIBLE_PAYLOADS,
    LARGE_PAYLOADS,
    LONGEST_PAYLOADS,
    OTHER_PAYLOADS,
    PAYLOADS,
    make_payload,
    same,
)
from benchmarks.datastores import (
    readable_task,
    require_blake3_key,
    require_metaflow,
    use_blake3_keys,
    writable_task,
)
from benchmarks.memory import peak_growth
from benchmarks.surroundings import fresh_folder, settle_disk, skip_when_quick

FORK = multiprocessing.get_context("fork")
TWENTY_SMALL = "20-small"
THREE_HUNDRED_SMALL = "300-small"
ARTIFACTS = (*PAYLOADS, TWENTY_SMALL)


def make_artifacts(payload):
    """Return the artifacts of one step: the payload alone, or many small ones, all different."""
    if payload in (TWENTY_SMALL, THREE_HUNDRED_SMALL):
        small = make_payload("dict-233B")
        return [(f"artifact_{i}", {**small, "fold": i}) for i in range(int(payload.split("-")[0]))]
    return [("artifact", make_payload(payload))]


def skip_longest_when_quick(payload):
    """Skip the payloads that would take most of a quick run, and those that are no target."""
    if payload in OTHER_PAYLOADS:
        skip_when_quick(f"{payload} is measured where all kinds of content are")
    if payload in LONGEST_PAYLOADS:
        skip_when_quick(f"{payload} takes long, and smaller ones show as much")


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


class Save:
    """Persist a step's artifacts with `TaskDataStore.save_artifacts`: the end of every step."""

    params = ARTIFACTS
    param_names = ("payload",)
    version = "2"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 8, 0, 60
    store_type = None  # the commit's own

    def setup(self, payload):
        skip_longest_when_quick(payload)
        require_metaflow()
        self.artifacts = make_artifacts(payload)
        settle_disk()
        # Last: who has waited for the disk begins again with empty caches.
        warm_up(self.store_type)
        self.folder = fresh_folder()
        self.task = writable_task(self.folder, self.store_type)

    def time_save(self, payload):
        self.task.save_artifacts(iter(self.artifacts), len_hint=len(self.artifacts))


class SaveOther(Save):
    """Persist what else people store: no kind of content may be slower than it was."""

    params = OTHER_PAYLOADS
    version = "5"


class SaveWithBlake3Keys(Save):
    """Persist a large artifact with the setting ARTIFACT_KEY_HASH at blake3: where hashing shows.

    What does not compress is hashed and written, and little else.
    """

    params = INCOMPRESSIBLE_PAYLOADS
    version = "2"

    def setup(self, payload):
        use_blake3_keys()
        super().setup(payload)

    def teardown(self, payload):
        if hasattr(self, "task"):
            (key,) = {path.name.removesuffix("_meta") for path in data_files(self.folder)}
            require_blake3_key(key)


class Saved:
    """Artifacts that are saved once a round, and found equal when loaded again."""

    store_type = None  # the commit's own

    def setup_cache(self):
        folder = Path("saved").resolve()
        folder.mkdir()
        return str(folder)

    def saved(self, folder, payload):
        """Return what is saved of a payload; the first case that needs it saves it, untimed."""
        skip_longest_when_quick(payload)
        require_metaflow()
        store = getattr(self.store_type, "__name__", "own")
        description = Path(folder) / f"{store}-{payload}.json"
        if not description.exists():
            # In a process of its own: a measured one has held no such payload before.
            saving = FORK.Process(
                target=_save_and_check, args=(payload, description, self.store_type)
            )
            saving.start()
            saving.join()
        if not description.exists():
            raise RuntimeError(f"{payload} could not be saved, or was loaded with another value")
        return json.loads(description.read_text())


def data_files(folder):
    """Return the files of the content that a flow below a folder has stored."""
    return [file for file in folder.glob("*/data/**/*") if file.is_file()]


def _save_and_check(payload, description, store_type):
    folder = description.with_suffix("")
    artifacts = make_artifacts(payload)
    save(artifacts, folder, store_type)
    loaded = load([name for name, _ in artifacts], folder, store_type)
    if not same(loaded, dict(artifacts)):
        raise RuntimeError(f"{payload} was loaded with another value than it was saved with")
    stored = sum(file.stat().st_size for file in data_files(folder))
    if not stored:
        raise RuntimeError(f"no file of {payload} was found below {folder}")
    found = {"folder": str(folder), "names": list(loaded), "bytes": stored}
    description.write_text(json.dumps(found))


class Load(Saved):
    """Read a step's artifacts with `TaskDataStore.load_artifacts`: the start of the next step."""

    params = ARTIFACTS
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 8, 0, 60

    def setup(self, folder, payload):
        saved = self.saved(folder, payload)
        warm_up(self.store_type)
        self.task = readable_task(saved["folder"], self.store_type)
        self.names = saved["names"]

    def time_load(self, folder, payload):
        for _ in self.task.load_artifacts(self.names):
            pass


class LoadOther(Load):
    """Read what else people store, at the start of a step that needs it."""

    params = OTHER_PAYLOADS
    version = "5"


class Stored(Saved):
    """The room that artifacts take: what a person pays for storage and transfer."""

    params = ARTIFACTS
    param_names = ("payload",)
    version = "1"
    timeout = 60

    def setup(self, folder, payload):
        self.bytes = self.saved(folder, payload)["bytes"]

    def track_bytes(self, folder, payload):
        return self.bytes

    track_bytes.unit = "bytes"


class StoredOther(Stored):
    """The room that it takes: at most a tenth more than before."""

    params = OTHER_PAYLOADS
    version = "5"


class Memory(Saved):
    """Memory above the artifact itself while it is saved or loaded: what overruns a container."""

    params = LARGE_PAYLOADS
    param_names = ("payload",)
    version = "1"
    timeout = 60

    def setup(self, folder, payload):
        skip_when_quick("peaks of memory hardly change from day to day")
        self.found = self.saved(folder, payload)
        warm_up()

    def track_peak_of_save(self, folder, payload):
        artifacts = make_artifacts(payload)
        task = writable_task(fresh_folder())
        return peak_growth(lambda: task.save_artifacts(iter(artifacts), len_hint=1))

    def track_peak_of_load(self, folder, payload):
        task = readable_task(self.found["folder"])
        return peak_growth(lambda: list(task.load_artifacts(self.found["names"])))

    track_peak_of_save.unit = track_peak_of_load.unit = "bytes"
