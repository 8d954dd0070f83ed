"""The case study's targets: what it claimed, what answers each, and which cases show it."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.readme_table import Row, counted

IMPORT = counted("`import metaflow`", "Command.track_run", "import metaflow")
SAVE = counted("saving float64 800 KB", "Artifact.track_save", "float64-800KB")
LOAD = counted("loading float64 800 KB", "Artifact.track_load", "float64-800KB")

TASK = counted("a task of a hello flow", "Command.track_run", "flow.py step")
RUN = Row("`flow.py run`, two steps", "flows.Run.time_hello", ())

TASKS = Row("data of 50 tasks", "client.ManyTasks.time_collect", ("50",))

INCOMPRESSIBLE = (
    ("float64 8 MB", "float64-8MB"),
    ("float32 embeddings 8 MB", "embeddings-8MB"),
    ("random bytes 5 MB", "random-5MB"),
)


def loading(*payloads: tuple[str, str]) -> tuple[Row, ...]:
    """Return the cases of loading some payloads, each given by its label and its name."""
    return tuple(
        Row(f"loading {label}", "artifacts.Load.time_load", (payload,))
        for label, payload in payloads
    )


TEXT = ("text 10 MB", "text-10MB")
COLUMNS = ("columns 20 MB", "columns-20MB")
HALF_NOISE = ("half noise, half zeros 16 MB", "half-noise-16MB")
ZEROS = ("zeros 64 MB", "zeros-64MB")
FLOATS = INCOMPRESSIBLE[0]

SAVE_KEYS = ("artifacts.Save.time_save", "artifacts.SaveWithBlake3Keys.time_save")
FIND_KEYS = ("hashing.ContentKey.time_find", "hashing.ContentKeyWithBlake3.time_find")


@dataclass(frozen=True)
class Target:
    """One row of the case study.

    Attributes
    ----------
    name : str
        What the case study named.
    claimed : str
        What it measured and hoped for.
    optimization : str
        The optimisation that answers it.
    rows : tuple of Row
        The cases that it claims to move.
    finding : str
        What did not hold, or what else is to be known; may be empty.
    switched : tuple of (Row, Row)
        Cases with the optimisation's setting off and on, both at its own commit and in one run.
    """

    name: str
    claimed: str
    optimization: str
    rows: tuple[Row, ...] = (IMPORT,)
    finding: str = ""
    switched: tuple[tuple[Row, Row], ...] = ()


TARGETS: tuple[Target, ...] = (
    Target("`requests` in metadata providers", "128 ms, saves ~108 ms", "defer_requests"),
    Target(
        "Kubernetes clients",
        "50 ms, saves ~48 ms",
        "defer_kubernetes",
        finding="The client alone is small: what the profile showed below it is mostly YAML.",
    ),
    Target("asyncio in `subprocess_manager`", "91 ms, saves ~41 ms", "defer_asyncio"),
    Target("YAML", "52 ms with the cards, saves ~37 ms", "defer_yaml"),
    Target("rare imports (not in the case study)", "–", "defer_rare_imports"),
    Target("cards infrastructure", "52 ms with YAML, saves ~37 ms", "defer_cards"),
    Target(
        "extension loading",
        "a cache keyed by mtimes",
        "extension_loading",
        (
            IMPORT,
            *(
                Row(f"1 extension among 200 distributions, {when}", benchmark, ("200", "1"))
                for when, benchmark in (
                    ("the first start after a change", "extensions.FirstDiscovery.time_discover"),
                    ("the next start", "extensions.Discovery.time_discover"),
                    ("once more in one process", "extensions.RepeatedDiscovery.time_discover"),
                )
            ),
        ),
        "The import no longer loads importlib.metadata. Without an extension a cache gains "
        "nothing: the search ends at once. The first search after a change writes down what it "
        "found, and takes longer.",
    ),
    Target("plugin resolution", "65% of the import", "lazy_plugins", (IMPORT, TASK)),
    Target(
        "copies of a pickle (not in the case study)",
        "–",
        "pickle_in_pieces",
        tuple(
            Row(
                f"memory to save {label}",
                "artifacts.Memory.track_peak_of_save",
                (payload,),
                "bytes",
            )
            for label, payload in (FLOATS, COLUMNS, ZEROS)
        ),
        "It takes time, too, but gzip hides that as long as it is there.",
    ),
    Target(
        "double gzip on every artifact",
        "compress once, tune the level",
        "artifact_compression",
        (
            SAVE,
            LOAD,
            Row("saving float64 8 MB", "artifacts.Save.time_save", ("float64-8MB",)),
            *loading(FLOATS),
        ),
        "Each artifact is compressed once, not twice.",
    ),
    Target(
        "an accelerator where installed (not in the case study)",
        "–",
        "accelerated_deflate",
        tuple(
            Row(f"{verb} {label}", benchmark, (payload,))
            for label, payload in (TEXT, COLUMNS)
            for verb, benchmark in (
                ("saving", "artifacts.Save.time_save"),
                ("loading", "artifacts.Load.time_load"),
            )
        ),
        "With isal installed. zlib-ng is tested for what it writes, and not timed.",
    ),
    Target(
        "SHA1 content hashing",
        "xxHash or BLAKE3",
        "blake3_keys",
        (SAVE,),
        "Off by default: the count is with the setting off. xxHash is not collision-resistant.",
        tuple(
            (Row(f"{label}, setting off, then on", off, (payload,)), Row(label, on, (payload,)))
            for label, off, on, payload in (
                *((f"saving {label}", *SAVE_KEYS, payload) for label, payload in INCOMPRESSIBLE),
                ("the key of float64 8 MB", *FIND_KEYS, "float64-8MB"),
            )
        ),
    ),
    Target(
        "sleep-based polling in `multicore_utils`",
        "event-based waiting",
        "event_waiting",
        tuple(
            Row(f"`parallel_map` of {n}", "multicore.ParallelMap.time_map", (n, "default"))
            for n in ("1", "8", "64")
        ),
    ),
    Target(
        "client reads (not in the case study)",
        "–",
        "read_in_place",
        (
            *(
                Row(
                    f"first read of {label}",
                    "client.ReadArtifact.time_read",
                    ("cold", payload),
                )
                for label, payload in (
                    ("metrics 52 KB", "metrics-52KB"),
                    ("float64 8 MB", "float64-8MB"),
                )
            ),
            TASKS,
        ),
        "Beside what compression gained for them.",
    ),
    Target("client reads (not in the case study)", "–", "read_run_once", (TASKS,)),
    Target("plugins a command uses (not in the case study)", "–", "plugins_by_name", (TASK, RUN)),
    Target(
        "code packages of local runs (not in the case study)",
        "–",
        "package_on_demand",
        (RUN,),
        "A local run packs nothing any more. The thread that packed ran beside it: on two cores "
        "the run takes as long as before, and less of the machine.",
    ),
    Target(
        "questions to git (not in the case study)",
        "–",
        "git_inside_repositories",
        (RUN,),
        "The flow lies outside of a repository, the measured metaflow inside of this project's: "
        "one question of two is saved.",
    ),
    Target(
        "loading what is stored as it is (not in the case study)",
        "–",
        "unpickle_from_file",
        loading(*INCOMPRESSIBLE),
        "In memory once, not twice.",
    ),
    Target(
        "loading what is compressed (not in the case study)",
        "–",
        "inflate_while_unpickling",
        loading(HALF_NOISE, COLUMNS, ZEROS),
        "In memory once, not twice.",
    ),
    Target(
        "pages of memory (not in the case study)",
        "–",
        "huge_pages",
        loading(FLOATS, HALF_NOISE, ZEROS),
        "Where the system leaves it to programs to ask for huge pages, as Debian and Ubuntu do.",
    ),
    Target(
        "pages of memory (not in the case study)",
        "–",
        "arrays_in_huge_pages",
        tuple(
            Row(f"saving {label}", "artifacts.Save.time_save", (payload,))
            for label, payload in (*INCOMPRESSIBLE[:2], HALF_NOISE)
        ),
        "The copy that pickle makes of an array, made in huge pages.",
    ),
    Target(
        "one thread's compression (not in the case study)",
        "–",
        "compress_in_threads",
        tuple(
            Row(f"saving {label}", "artifacts.Save.time_save", (payload,))
            for label, payload in (TEXT, COLUMNS, HALF_NOISE, ZEROS)
        ),
        "On two CPUs that have nothing else to do.",
    ),
    Target(
        "small artifacts (not in the case study)",
        "–",
        "read_descriptions_at_once",
        loading(("20 small ones", "20-small"), ("metrics 52 KB", "metrics-52KB")),
    ),
    Target(
        "S3's workers (not in the case study)",
        "–",
        "load_before_forking",
        tuple(
            Row(f"{verb} 20 small ones in S3", benchmark, ("20-small",))
            for verb, benchmark in (
                ("saving", "s3.Save.time_save"),
                ("loading", "s3.Load.time_load"),
            )
        ),
        "Against a server on the same machine. Without it the series was slower here than the "
        "release: each worker loaded what importing metaflow had loaded before.",
    ),
    Target(
        "names of temporary files (not in the case study)",
        "–",
        "temporary_names",
        (
            Row("saving a dict of 233 B", "artifacts.Save.time_save", ("dict-233B",)),
            Row("saving 20 small ones", "artifacts.Save.time_save", ("20-small",)),
            Row("saving one byte", "artifacts.SaveOther.time_save", ("one-byte",)),
        ),
        "In memory: on this machine's disk it is lost in what making files takes.",
    ),
)
