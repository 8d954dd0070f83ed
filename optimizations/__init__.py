"""What makes metaflow faster: one module per optimisation, in the order of `SERIES`."""

from optimizations.edits import Optimization, load

SERIES: tuple[Optimization, ...] = (
    load("defer_requests"),
    load("defer_kubernetes"),
    load("defer_asyncio"),
    load("defer_yaml"),
    load("defer_packaging"),
    load("defer_importlib_metadata"),
    load("extension_cache"),
    load("defer_cards"),
    load("lazy_plugins"),
    load("plugins_by_name"),
    load("package_on_demand"),
    load("event_waiting"),
    load("artifact_compression"),
    load("accelerated_deflate"),
    load("map_raw_blobs"),
    load("read_in_place"),
    load("blake3_keys"),
    load("s3_client_before_forking"),
    load("count_finished_siblings"),
    load("keep_pylint_verdict"),
    load("late_heartbeat"),
    load("artifacts_in_one_request"),
    load("fewer_registrations"),
    load("s3_in_threads"),
    load("s3_asked_once"),
    load("drain_log_lines"),
    load("tasks_from_warm_process"),
)
