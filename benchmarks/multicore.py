"""Parallel helpers: what metaflow's `parallel_map` adds to the work that it spreads."""

from benchmarks.support.datastores import metaflow, require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess

if metaflow is not None:
    from metaflow.multicore_utils import parallel_imap_unordered, parallel_map

covers = ("metaflow/multicore_utils.py",)
rounds = 7

TASKS = (1, 2, 8, 64)
PARALLEL = {"default": None, "8": 8}


def square(number):
    """Stand for a task that takes no time of its own."""
    return number * number


class ParallelMap(OneSamplePerProcess):
    """Map a trivial function over a few items: metaflow's own part of any parallel loop."""

    params = (TASKS, tuple(PARALLEL))
    param_names = ("tasks", "max_parallel")
    answer = "answers.ParallelMap.track_wrong({tasks})"
    quick = ("1, default", "8, default")

    def setup(self, tasks, max_parallel):
        require_metaflow()
        self.items = range(tasks)
        self.expected = [square(item) for item in self.items]

    def time_map(self, tasks, max_parallel):
        if parallel_map(square, self.items, max_parallel=PARALLEL[max_parallel]) != self.expected:
            raise RuntimeError("parallel_map returned other results than the function")


class ParallelImap(OneSamplePerProcess):
    """Wait for the first of many results: how soon a consumer can begin its own work."""

    params = TASKS
    param_names = ("tasks",)

    def setup(self, tasks):
        require_metaflow()
        self.expected = {square(item) for item in range(tasks)}

    def time_first_result(self, tasks):
        self.results = parallel_imap_unordered(square, range(tasks), max_parallel=8)
        if next(self.results) not in self.expected:
            raise RuntimeError("parallel_imap_unordered returned what the function did not")

    def teardown(self, tasks):
        for _ in self.results:
            pass  # children that nobody waits for would disturb the next sample
