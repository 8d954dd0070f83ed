"""Count the finished inputs of a foreach join, instead of searching them.

Whenever a task before a foreach join ends, `NativeRuntime._queue_task_join` builds the identity of
each of its siblings and looks it up among all finished tasks. Root cause: it keeps nothing between
two of these searches, so the scheduler's work grows with the square of the foreach's width.

What changes: the paths of the siblings that have ended are kept for each join, by their step and
their index in the foreach. When there are as many as splits, the join is queued with these paths,
in the same order as before. Joins of static branches and of unbounded foreaches are unchanged.

Reproduce: with a foreach of 1,000 trivial tasks, `python -m cProfile -s tottime flow.py run
--max-num-splits 1000` shows seconds in `siblings` before, and nothing after.

Could fail:

- A task is retried: `_queue_tasks` receives it once, when it has succeeded. If it came twice, its
  second path would replace the first, as it does among the finished tasks.
- A run is resumed: cloned siblings are handed on like others. `_queue_push` drops a cloned join.
- Nested foreaches: each join has its own count, because its identity holds the outer frames.
- A switch inside of a foreach leads to several steps before the join: one task of each split
  reaches the join. Steps that loop can't lead to a join; metaflow refuses such flows.

To go back: revert the commit. Nothing is stored.

Price: the paths of a join's siblings are kept until the run ends.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (Claim("scheduler.Parent.track_per_task(200)", "scheduler, per task of a foreach of 200"),)
TARGET = Target(
    "the scheduler's work for a task grows with the foreach's width",
    claimed="a profile",
    case="scheduler.Parent.track_per_task(200)",
    at_least=1.4,
    reported=True,
)

RUNTIME = "metaflow/runtime.py"
JOIN = "NativeRuntime._queue_task_join"
CHANGES = {
    """
    def siblings(foreach_stack):
        top = foreach_stack[-1]
        bottom = list(foreach_stack[:-1])
        for index in range(top.num_splits):
            yield tuple(bottom + [top._replace(index=index)])
    """: """
    # To look all siblings up whenever one finishes would be quadratic
    top = foreach_stack[-1]
    join_id = (next_step, foreach_stack[:-1], iteration_stack)
    siblings = self._finished_siblings.setdefault(join_id, {})
    siblings[task.step, top.index] = task.path
    if len(siblings) < top.num_splits:
        return
    """,
    """
    required_tasks = list(
        filter(
            lambda x: x is not None,
            [
                self._finished.get((p, s, iteration_stack))
                for p in direct_parents
                for s in siblings(foreach_stack)
            ],
        )
    )
    """: """
    required_tasks = [
        siblings[p, i]
        for p in direct_parents
        for i in range(top.num_splits)
        if (p, i) in siblings
    ]
    """,
    "required_count = task.finished_id[1][-1].num_splits": "required_count = top.num_splits",
}


def apply(tree: SourceTree) -> None:
    """Keep the paths of finished siblings for each join."""
    module = tree[RUNTIME]
    module.replace_statement(
        within="NativeRuntime.__init__",
        find="self._is_cloned = {}",
        by="""
        self._is_cloned = {}
        # For each foreach join, the paths of finished tasks by step and split index
        self._finished_siblings = {}
        """,
    )
    for find, by in CHANGES.items():
        module.replace_statement(within=JOIN, find=find, by=by)
    tree.insert("test/unit/test_count_finished_siblings.py")
