"""The client reads what it read before, with fewer files made and opened."""

import pytest

from tests.optimizations.optimized_releases import NEWEST, both

# A store with past runs, made by metaflow's own metadata provider and datastore.
STORE = """
    import os, shutil, sys
    from metaflow import Flow, Run, Step, Task, metadata, namespace
    from metaflow.client import core
    from metaflow.client.filecache import FileCache
    from metaflow.datastore import FlowDataStore
    from metaflow.metadata_provider.metadata import MetaDatum
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.plugins import METADATA_PROVIDERS
    from metaflow.plugins.datastores.local_storage import LocalStorage

    class Named:
        name = "Past"

    shutil.rmtree("store", ignore_errors=True)
    shutil.rmtree("cache", ignore_errors=True)
    root = os.path.join(os.getcwd(), "store", ".metaflow")
    os.makedirs(root)
    LocalStorage.datastore_root = root
    environment = MetaflowEnvironment(None)
    provider_class = next(each for each in METADATA_PROVIDERS if each.TYPE == "local")
    provider = provider_class(environment, Named, None, None)

    def add_task(run, task, artifacts, attempt=0, done=True, storage=LocalStorage):
        provider.register_run_id(run)
        provider.register_task_id(run, "work", task, attempt)
        flow = FlowDataStore(
            "Past", environment, metadata=provider, storage_impl=storage, ds_root=root
        )
        store = flow.get_task_datastore(run, "work", task, attempt=attempt, mode="w")
        store.init_task()
        # The client can't list a task that has one artifact alone.
        store.save_artifacts(iter([*artifacts.items(), ("name", task)]))
        if done:
            provider.register_metadata(run, "work", task, [MetaDatum(
                "attempt-done", str(attempt), "attempt-done", ["attempt_id:%d" % attempt])])
            store.done()

    def cached():
        return sum(len(files) for _, _, files in os.walk("cache"))

    def values(run="run-1"):
        return sorted((task.id, task.data.value) for task in Step("Past/%s/work" % run))

    metadata("local@" + os.path.dirname(root))
    namespace(None)
    core.filecache = FileCache(cache_dir=os.path.join(os.getcwd(), "cache"))
"""

VALUES = """{
        "number": 7, "text": "small", "object": __import__("datetime").date(2020, 1, 2),
        "noise": os.urandom(300_000), "words": "words and " * 20_000,
    }"""


def test_values_are_read_cold_warm_and_after_the_cache_was_emptied(python):
    script = f"""
    values = {VALUES}
    add_task("run-1", "task-1", values)
    task = Task("Past/run-1/work/task-1")
    for _ in range(2):
        print([task[name].data == value for name, value in values.items()])
        print([getattr(task.data, name) == value for name, value in values.items()])
        print(sorted(artifact.id for artifact in Task("Past/run-1/work/task-1")))
    shutil.rmtree("cache", ignore_errors=True)
    print([task[name].data == value for name, value in values.items()])
    """
    assert both(python, NEWEST, STORE + script).count("True") == 25


def test_tags_are_those_of_the_moment_of_the_listing(python):
    script = """
    for number in range(3):
        add_task("run-1", "task-%d" % number, {"value": number})
        add_task("run-2", "task-%d" % number, {"value": -number})
    step = Step("Past/run-1/work")
    show = lambda: print([sorted(task.user_tags) for task in step],
                         [sorted(each.user_tags) for each in Run("Past/run-1")],
                         [sorted(each.user_tags) for each in Task("Past/run-1/work/task-0")],
                         [sorted(task.user_tags) for task in Step("Past/run-2/work")])
    show()
    Run("Past/run-1").add_tag("first")
    show()
    Run("Past/run-1").replace_tag("first", "second")
    Run("Past/run-2").add_tag("other")
    show()
    Run("Past/run-1").remove_tag("second")
    show()
    print([sorted(run.user_tags) for run in sorted(Flow("Past"), key=lambda run: run.id)])
    print(values(), values("run-2"))
    """
    shown = both(python, NEWEST, STORE + script)
    assert "[['second'], ['second'], ['second']]" in shown


def test_retried_and_running_tasks_are_read_as_before(python):
    script = """
    add_task("run-1", "retried", {"value": "first"}, attempt=0)
    print(values())
    add_task("run-1", "retried", {"value": "second"}, attempt=1, done=False)
    print(values())
    print([list(Task("Past/run-1/work/retried", attempt=each)) for each in (0, 1)])
    import time
    time.sleep(0.01)
    add_task("run-1", "retried", {"value": "second"}, attempt=1)
    print(values())
    add_task("run-1", "running", {"value": "soon"}, done=False)
    print([len(list(task)) for task in Step("Past/run-1/work")])
    """
    assert "[('retried', 'second')]" in both(python, NEWEST, STORE + script)


@pytest.mark.parametrize("version", ["2.10.4", "2.12.0", "2.15.0"])
def test_older_releases_read_as_before(python, version):
    script = """
    for number in range(3):
        add_task("run-1", "task-%d" % number, {"value": number, "noise": b"noise"})
    Run("Past/run-1").add_tag("tagged")
    print(values(), [sorted(task.user_tags) for task in Step("Past/run-1/work")])
    """
    store = STORE
    if version != "2.15.0":
        store = STORE.replace("metaflow.metadata_provider.metadata", "metaflow.metadata.metadata")
    shown = both(python, version, store + script)
    assert shown.startswith("[('task-0', 0), ('task-1', 1), ('task-2', 2)]")
