import pytest

from metaflow import FlowSpec, runtime, step
from metaflow.tuple_util import ForeachFrame


class NestedFlow(FlowSpec):
    @step
    def start(self):
        self.rows = range(2)
        self.next(self.row, foreach="rows")

    @step
    def row(self):
        self.cells = range(3)
        self.next(self.cell, foreach="cells")

    @step
    def cell(self):
        self.kind = "odd"
        self.next({"odd": self.odd, "even": self.even}, condition="kind")

    @step
    def odd(self):
        self.next(self.join_cells)

    @step
    def even(self):
        self.next(self.join_cells)

    @step
    def join_cells(self, inputs):
        self.next(self.join_rows)

    @step
    def join_rows(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.fixture
def run(mocker):
    mocker.patch("metaflow.runtime.system_context")
    parts = [mocker.Mock() for _ in range(8)]
    return runtime.NativeRuntime(
        None, NestedFlow._graph, *parts, skip_decorator_hooks=True
    )


@pytest.fixture
def finish(run, mocker):
    """Let the task of a step and its indices end; return the joins queued by that."""

    def finish(name, *indices, splits=(2, 3), loop=(), path="1/%s/%s"):
        frames = zip(["start", "row"], ["rows", "cells"], splits, indices)
        stack = tuple(ForeachFrame(*frame, value=0) for frame in frames)
        index = ",".join(map(str, indices))
        task = mocker.Mock(
            step=name,
            path=path % (name, index),
            finished_id=(name, stack, loop),
            task_index="%s[%s][%s]" % (name, index, ",".join(map(str, loop))),
        )
        transition = (NestedFlow._graph[name].out_funcs, None)
        task.results.get.side_effect = {"_transition": transition}.get
        task.results.is_none.return_value = True
        del run._run_queue[:]
        run._queue_tasks([task])
        return [(name, kwargs["input_paths"]) for name, kwargs in run._run_queue]

    return finish


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_last_sibling_queues_the_join_in_order_of_splits(finish, order):
    assert finish("odd", 0, order[0]) == []
    assert finish("odd", 0, order[1]) == []
    paths = ["1/odd/0,0", "1/odd/0,1", "1/odd/0,2"]
    assert finish("odd", 0, order[2]) == [("join_cells", paths)]


def test_no_sibling_is_looked_up(finish, mocker):
    replace = mocker.spy(ForeachFrame, "_replace")
    for index in range(50):
        assert len(finish("odd", 0, index, splits=(2, 50))) == (index == 49)
    assert replace.call_count <= 50


def test_foreaches_are_counted_apart(finish):
    for index in range(2):
        assert finish("odd", 0, index) == finish("odd", 1, index) == []
    assert finish("odd", 1, 2)[0][1][0] == "1/odd/1,0"
    assert finish("join_cells", 1) == []
    assert finish("odd", 0, 2)[0][1][0] == "1/odd/0,0"
    paths = ["1/join_cells/0", "1/join_cells/1"]
    assert finish("join_cells", 0) == [("join_rows", paths)]


def test_iterations_are_counted_apart(finish):
    for index in range(2):
        assert finish("odd", 0, index, loop=(0,)) == []
        assert finish("odd", 0, index, loop=(1,)) == []
    assert len(finish("odd", 0, 2, loop=(1,))) == 1


def test_each_split_takes_its_branch_of_a_switch(finish):
    assert finish("even", 0, 2) == finish("odd", 0, 1) == []
    ((name, paths),) = finish("even", 0, 0)
    assert name == "join_cells"
    assert sorted(paths) == ["1/even/0,0", "1/even/0,2", "1/odd/0,1"]


def test_a_task_that_ends_twice_counts_once(finish):
    for _ in range(3):
        assert finish("odd", 0, 0) == []
    assert finish("odd", 0, 1) == []
    assert finish("odd", 0, 0, path="2/%s/%s") == []
    paths = ["2/odd/0,0", "1/odd/0,1", "1/odd/0,2"]
    assert finish("odd", 0, 2) == [("join_cells", paths)]


def test_a_cloned_join_is_not_queued_again(finish, run):
    run._ran_or_scheduled_task_index.add("join_cells[0][]")
    for index in range(3):
        assert finish("odd", 0, index) == []
