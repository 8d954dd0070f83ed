"""Read a run's tags once for a listing of its steps or tasks.

The local metadata provider gives each step and task that it lists the tags of its run. Root cause:
it finds, opens and parses the run's file again for each of them.

What changes: within one listing, a run's file is read for its first step or task only.

Reproduce: count how often listing tasks reads their run. Before: once per task. After: a few.

    strace -e trace=openat python -c "if 1:
    from metaflow import Step, namespace
    namespace(None)
    list(Step('MyFlow/1/my_step'))" 2>&1 | grep -c 1/_meta/_self.json

Could fail:

- Tags change between two listings: each listing reads the run again, so they are seen as before.
- Tags change while tasks are listed: before, tasks of one listing could have different tags; now
  all have those that the run had when its first task was read.
- The run's file is missing: the first task that needs it raises the same error as before.
- The tasks of a listing share one list of tags: the client copies it, and nothing changes it.

Price: none.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (Claim("client.ManyTasks.time_collect(50)", "data of 50 tasks"),)

# The second is its place in releases before 2.12.29.
PROVIDERS = ("metaflow/plugins/metadata_providers/local.py", "metaflow/plugins/metadata/local.py")
LISTING = "LocalMetadataProvider._get_object_internal"


def apply(tree: SourceTree) -> None:
    """Remember runs for as long as a listing takes."""
    path = next((path for path in PROVIDERS if path in tree), None)
    if path is None:
        raise DoesNotApply(f"{PROVIDERS[0]}: not found")
    provider = tree[path]
    # How a class method calls another one has changed in between.
    owner = "cls" if "run = cls.get_object(" in provider.source else "LocalMetadataProvider"
    arguments = '("run", "self", {}, None, flow_id_from_args, self_info.run_id,)'
    provider.replace_statement(
        within=LISTING,
        find=f"run = {owner}.get_object{arguments}",
        by=f"""
        if self_info.run_id not in runs:
            runs[self_info.run_id] = {owner}.get_object(
                "run", "self", {{}}, None, flow_id_from_args, self_info.run_id
            )
        run = runs[self_info.run_id]
        """,
    )
    provider.replace_statement(
        within=LISTING, find="self_infos = []", by="self_infos = []\nruns = {}"
    )
    tree.insert("test/unit/test_read_run_once.py")
