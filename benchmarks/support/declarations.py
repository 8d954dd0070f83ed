"""What a benchmark declares: how it is sampled, and what asv does not know of it.

asv_runner exports only the attributes that it knows; `export_declarations` adds those below. Each
may stand on a method, its class or its module; None in a subclass takes back what it inherits.
"""

from asv_runner.benchmarks import benchmark_types
from asv_runner.benchmarks._base import _get_first_attr

from benchmarks.support.environment import is_left_out, require_commit

DECLARED = (
    # The case that counts the instructions of the same work. May hold parameters of the timed
    # case: "instructions.Artifact.track_save({payload})".
    "witness",
    # The case that checks the answer, written likewise.
    "answer",
    # True: the payload's name says how many bytes are handled ("float64-8MB").
    "throughput",
    # True, or values: the quick profile measures all cases, or those with such a parameter, or with
    # exactly such parameters ("8, default").
    "quick",
    # "thorough": only the thorough profile measures it, and `asv run --quick` leaves it out.
    # "large": only `mfbench run --large` measures it.
    "profile",
    # False: it is the same code for every commit, and so is shown but never judged.
    "runs_metaflow",
    # Patterns of the files of metaflow that the topic covers: `mfbench run --touched` measures it
    # if one of them changed. With ("metaflow/*",), it is measured whatever changed.
    "covers",
)


class OneSamplePerProcess:
    """A benchmark of which each process takes one sample; `rounds` says how many processes."""

    number, repeat, warmup_time, timeout = 1, 1, 0, 60
    # A benchmark whose meaning changes gets a version of its own: older results are then void.
    version = "1"


class Declaring:
    """What is added to each of asv_runner's types of benchmark."""

    def __init__(self, name, func, attr_sources):
        super().__init__(name, func, attr_sources)
        for attribute in DECLARED:
            value = _get_first_attr(attr_sources, attribute, None)
            if isinstance(value, tuple):
                value = [str(each) for each in value]  # asv_runner exports no tuples
            if value is not None:
                setattr(self, attribute, value)

    def do_setup_cache(self):
        """Make what the cases of a commit share."""
        require_commit()
        cache = super().do_setup_cache()
        require_commit()
        return cache

    def do_setup(self):
        """Set a case up; return whether it is skipped."""
        require_commit()
        self._skipped = is_left_out(getattr(self, "profile", "")) or super().do_setup()
        return self._skipped

    def do_teardown(self):
        """Tear a case down, unless it was skipped and so may be half set up."""
        if not self._skipped:
            super().do_teardown()
        require_commit()  # still


def export_declarations():
    """Let asv export what benchmarks declare: put it into ``results/benchmarks.json``."""
    benchmark_types[:] = [
        type(each.__name__, (Declaring, each), {"__doc__": each.__doc__})
        for each in benchmark_types
    ]
