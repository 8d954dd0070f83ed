"""Read a run's tags once for a listing of its steps or tasks.

The local metadata provider gives each step and task that it lists the tags of its run. It opens and
parses the run's file again for each of them: a third of what listing 50 tasks takes.

What changes: within one listing, a run's file is read at the first step or task of it. Nothing is
kept from one listing to the next, so tags that change are seen as soon as before.

How to measure: `client.ManyTasks`, by both witnesses.

Risk: a run whose tags change in the middle of a listing no longer shows some of its tasks with the
old tags and others with the new ones: all have those of the first task's time.
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
        within=LISTING,
        find="self_infos = []",
        by="""
        self_infos = []
        runs = {}
        """,
    )
