"""What makes metaflow faster: one module per optimisation, in the order of `SERIES`."""

from optimizations.edits import Optimization, load

SERIES: tuple[Optimization, ...] = (
    load("control"),
    load("defer_requests"),
    load("event_waiting"),
    load("defer_kubernetes"),
    load("defer_asyncio"),
    load("defer_yaml"),
    load("defer_rare_imports"),
    load("defer_cards"),
    load("extension_loading"),
    load("lazy_plugins"),
    load("pickle_in_pieces"),
    load("artifact_compression"),
    load("read_in_place"),
    load("unpickle_from_file"),
    load("inflate_while_unpickling"),
    load("huge_pages"),
    load("arrays_in_huge_pages"),
    load("compress_in_threads"),
    load("read_descriptions_at_once"),
    load("accelerated_deflate"),
    load("read_run_once"),
    load("plugins_by_name"),
    load("package_on_demand"),
    load("git_inside_repositories"),
    load("blake3_keys"),
    load("load_before_forking"),
    load("temporary_names"),
)
