"""What each target is to reach, and what was tried where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from scripts.case_study import IMPORT, RUN, SAVE_KEYS, TASK, TASKS
from scripts.readme_table import Row


@dataclass(frozen=True)
class Goal:
    """A number to reach.

    Attributes
    ----------
    row : Row
        The case.
    wanted : float
        How many times as fast as the unchanged release, or as few instructions.
    after : str
        The last optimisation that counts; empty for all.
    floors : mapping of str to Row
        Cases that do the same without metaflow, by what they are.
    tried : str
        Where it is missed: what was tried beside, and what came of it.
    before : str
        What is divided: the unchanged release, or an optimisation that was measured in one run with
        `after` and does not touch the case.
    size : bool
        Whether `wanted` is how many times as large the case may become.
    setting_off : Row, optional
        The case with an optimisation's setting off, by which that with it on is divided, both after
        the series.
    """

    row: Row
    wanted: float
    after: str = ""
    floors: Mapping[str, Row] = field(default_factory=dict)
    tried: str = ""
    before: str = "main"
    size: bool = False
    setting_off: Row | None = None


PLAIN, LEAST = "plain", "the least there is"


def saving(
    label: str, payload: str, wanted: float, tried: str = "", floors: tuple[str, ...] = ()
) -> Goal:
    """Describe the goal of saving a payload."""
    known = {PLAIN: "floors.Save.time_save", LEAST: "floors.HashAndWrite.time_save"}
    beside = {floor: Row("", known[floor], (payload,)) for floor in floors}
    row = Row(f"saving {label}", "artifacts.Save.time_save", (payload,))
    return Goal(row, wanted, floors=beside, tried=tried)


def loading(
    label: str, payload: str, wanted: float, tried: str = "", floors: tuple[str, ...] = ()
) -> Goal:
    """Describe the goal of loading a payload."""
    known = {PLAIN: "floors.Load.time_load", LEAST: "floors.ReadOnce.time_load"}
    beside = {floor: Row("", known[floor], (payload,)) for floor in floors}
    row = Row(f"loading {label}", "artifacts.Load.time_load", (payload,))
    return Goal(row, wanted, floors=beside, tried=tried)


def storing(label: str, payload: str, allowed: float) -> Goal:
    """Describe how much larger a stored payload may become."""
    row = Row(f"stored size of {label}", "artifacts.Stored.track_bytes", (payload,), "bytes")
    return Goal(row, allowed, size=True)


def mapping(tasks: str, wanted: float, tried: str = "") -> Goal:
    """Describe the goal of a parallel map of some trivial tasks."""
    row = Row(f"`parallel_map` of {tasks}", "multicore.ParallelMap.time_map", (tasks, "default"))
    least = {PLAIN: Row("", "floors.Fork.time_fork_and_wait", (tasks,))}
    return Goal(row, wanted, floors=least, tried=tried)


LOOKING = (
    "What is left beside the floor's work is looking for what compresses, the copy that pickle "
    "makes, and the files. Copy and file are written to memory that nobody has used before, for "
    "which a virtual machine may have to wait. A copy in a huge page was quicker there, slower "
    "where malloc had memory left from before, and now and then waited longer for that page. "
    "Hashing in a thread beside the looking gained nothing in the "
    "median, for to start the thread takes as long as it saves; fewer windows to look through "
    "missed repeats that are far apart."
)
MEMORY = (
    "What is left is hashing, the file, one copy of an array in huge pages, and looking for what "
    "compresses. Hashing while the file is written was quicker, but the file's name needs the "
    "hash; hashing in a thread beside the looking gained nothing in the median. To write an "
    "array's own memory would spare the copy, and store another value than was hashed where a "
    "thread changes the array meanwhile."
)
READING = (
    "What is left is one copy from the file to where it stays, in huge pages but for its two ends. "
    "To have the last of these made huge, too, or all small ones at once, was little faster; so "
    "was reading into an array's own memory instead of the bytes that pickle makes, and other "
    "content has no such place. Reading in two threads was no faster. A mapping of the file spares "
    "the copy, and a file that shrinks meanwhile ends the process."
)
UNPICKLING = (
    "Plain pickle of what is not compressed takes half of it. The rest is decompressing, which has "
    "to be: to store it as it is would be quicker, and larger than is allowed; zlib in isal's "
    "place was slower."
)
INFLATING = (
    "What is left is one copy to where it stays, and the checksum. isal's own reader of gzip files "
    "was a little quicker, and is private to isal; steps larger than 64 KB gained as little."
)
SMALL = (
    "What is left is zlib's fastest level; isal is faster, where it is installed. Huffman coding "
    "alone, without a search for what repeats, was quicker, and what repeats grew by more than is "
    "allowed, though a look for short repeats and samples of both were before it. To store it as "
    "it is would be faster still, and larger than is allowed."
)
FASTEST = "What is left is zlib's fastest level, on all CPUs already, which takes nearly all of it."
WITHIN_NOISE = "The interval holds the number: a steadier machine would have to tell."
LISTING = (
    "The release's processes differ by more than the number. What is left is 50 tasks' "
    "metadata, a file each; reading an attempt's files once and artifacts without a cache helped."
)
FORKING = (
    "A process a task has to be forked and waited for. A kept pool of processes would see none of "
    "what the caller changed since; threads can't run what holds the interpreter's lock."
)

BOTH = (PLAIN, LEAST)
SIZES = (
    ("metrics 52 KB", "metrics-52KB", 1.08),
    ("float64 800 KB", "float64-800KB", 1.08),
    ("float64 8 MB", "float64-8MB", 1.08),
    ("float32 embeddings 8 MB", "embeddings-8MB", 1.08),
    ("random bytes 5 MB", "random-5MB", 1.08),
    ("text 10 MB", "text-10MB", 1.17),
    ("columns 20 MB", "columns-20MB", 1.08),
    ("half noise, half zeros 16 MB", "half-noise-16MB", 1.08),
    ("zeros 64 MB", "zeros-64MB", 1.08),
)
COMPRESSED_PAYLOADS = (
    "metrics-52KB",
    "text-10MB",
    "columns-20MB",
    "half-noise-16MB",
    "zeros-64MB",
)
# What hashing is the largest part of, once nothing is compressed.
KEYS = (("float64 8 MB", "float64-8MB"), ("float32 embeddings 8 MB", "embeddings-8MB"))

GOALS: tuple[Goal, ...] = (
    Goal(IMPORT, 1 / 0.78, "defer_requests"),
    Goal(IMPORT, 1 / 0.71, "defer_asyncio"),
    Goal(IMPORT, 1 / 0.58, "defer_cards"),
    Goal(IMPORT, 1 / 0.54, "extension_loading"),
    Goal(IMPORT, 1 / 0.40),
    Goal(TASK, 1 / 0.52),
    Goal(RUN, 1 / 0.60),
    Goal(
        Row(
            "1 extension among 200 distributions, once more in one process",
            "extensions.RepeatedDiscovery.time_discover",
            ("200", "1"),
        ),
        20,
    ),
    # As fast as before, within what two copies of the same code differ by.
    Goal(
        Row("the search without an extension", "extensions.Discovery.time_discover", ("200", "0")),
        0.95,
        tried=WITHIN_NOISE,
    ),
    saving("float64 800 KB", "float64-800KB", 9, LOOKING, BOTH),
    loading("float64 800 KB", "float64-800KB", 5, READING, BOTH),
    saving("float64 8 MB", "float64-8MB", 18, MEMORY, BOTH),
    loading("float64 8 MB", "float64-8MB", 8, READING, BOTH),
    saving("float32 embeddings 8 MB", "embeddings-8MB", 20, MEMORY, BOTH),
    loading("float32 embeddings 8 MB", "embeddings-8MB", 20, READING, BOTH),
    saving("random bytes 5 MB", "random-5MB", 18, MEMORY, BOTH),
    loading("random bytes 5 MB", "random-5MB", 5, READING, BOTH),
    saving("half noise, half zeros 16 MB", "half-noise-16MB", 7, MEMORY),
    loading("half noise, half zeros 16 MB", "half-noise-16MB", 5, INFLATING),
    saving("metrics 52 KB", "metrics-52KB", 1.2, SMALL),
    loading("metrics 52 KB", "metrics-52KB", 1.2, UNPICKLING, BOTH),
    *(
        replace(goal, before="lazy_plugins", after="read_descriptions_at_once")
        for goal in (
            # Of what is compressed: the rest takes the same way with isal and without.
            saving("metrics 52 KB", "metrics-52KB", 1.2, SMALL),
            loading("metrics 52 KB", "metrics-52KB", 1.2, UNPICKLING),
            saving("half noise, half zeros 16 MB", "half-noise-16MB", 7, MEMORY),
            loading("half noise, half zeros 16 MB", "half-noise-16MB", 5, INFLATING),
            saving("text 10 MB", "text-10MB", 1.4, FASTEST),
            saving("columns 20 MB", "columns-20MB", 1.8),
            loading("columns 20 MB", "columns-20MB", 1.3),
        )
    ),
    saving("text 10 MB", "text-10MB", 2),
    saving("columns 20 MB", "columns-20MB", 4),
    loading("columns 20 MB", "columns-20MB", 1.3),
    *(storing(*size) for size in SIZES),
    # Without isal and zlib-ng: what is stored as it is is the same.
    *(
        replace(storing(*size), before="lazy_plugins", after="read_descriptions_at_once")
        for size in SIZES
        if size[1] in COMPRESSED_PAYLOADS
    ),
    *(
        Goal(
            Row(f"saving {label}, keys by BLAKE3 on / off", SAVE_KEYS[1], (payload,)),
            1.2,
            setting_off=Row("", SAVE_KEYS[0], (payload,)),
            tried=WITHIN_NOISE,
        )
        for label, payload in KEYS
    ),
    mapping("1", 10, FORKING),
    mapping("8", 4, FORKING),
    mapping("64", 2, FORKING),
    Goal(
        Row(
            "first read of float64 8 MB by the client",
            "client.ReadArtifact.time_read",
            ("cold", "float64-8MB"),
        ),
        3.5,
    ),
    Goal(TASKS, 2, tried=LISTING),
)
