"""What makes metaflow faster: one module an optimisation, in the order of `SERIES`."""

from optimizations.optimization import Optimization, load

SERIES: tuple[Optimization, ...] = (
    load("control"),
    load("defer_requests"),
    load("event_waiting"),
)
