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

SMALL = {"number": "7", "text": "'small'", "object": "__import__('datetime').date(2020, 1, 2)"}
LARGE = {"noise": "os.urandom(300_000)", "text": "'words and ' * 20_000"}


@pytest.mark.parametrize("value", [*SMALL.values(), *LARGE.values()])
def test_a_value_is_read_cold_warm_and_after_the_cache_was_emptied(python, value):
    script = f"""
    value = {value}
    add_task("run-1", "task-1", {{"value": value, "other": [value]}})
    for _ in range(2):
        print(Task("Past/run-1/work/task-1")["value"].data == value)
        print(Task("Past/run-1/work/task-1").data.other == [value])
        print(sorted(artifact.id for artifact in Task("Past/run-1/work/task-1")))
    shutil.rmtree("cache", ignore_errors=True)
    print(Task("Past/run-1/work/task-1")["value"].data == value)
    """
    assert both(python, NEWEST, STORE + script).count("True") == 5


def test_only_what_saves_work_is_copied_into_the_cache(python):
    script = """
    add_task("run-1", "task-1", {"small": 7, "noise": os.urandom(300_000), "text": "words " * 9999})
    for name in ("small", "noise", "text"):
        Task("Past/run-1/work/task-1")[name].data
        print(name, cached())
    """
    assert python(NEWEST, "before", STORE + script).split() == [
        "small",
        "1",
        "noise",
        "2",
        "text",
        "3",
    ]
    assert python(NEWEST, "after", STORE + script).split() == [
        "small",
        "0",
        "noise",
        "0",
        "text",
        "1",
    ]


def test_copies_that_are_there_are_still_used(python):
    script = """
    add_task("run-1", "task-1", {"value": 7})
    print(Task("Past/run-1/work/task-1")["value"].data, cached())
    """
    assert python(NEWEST, "before", STORE + script) == "7 1\n"
    forget = """
    import os
    from metaflow import Task, metadata, namespace
    from metaflow.client import core
    from metaflow.client.filecache import FileCache
    root = os.path.join(os.getcwd(), "store", ".metaflow")
    for folder, _, files in os.walk(os.path.join(root, "Past", "data")):
        for file in files:
            os.remove(os.path.join(folder, file))
    metadata("local@" + os.path.dirname(root))
    namespace(None)
    core.filecache = FileCache(cache_dir=os.path.join(os.getcwd(), "cache"))
    print(Task("Past/run-1/work/task-1")["value"].data)
    """
    assert python(NEWEST, "after", forget) == "7\n"


def test_what_a_storage_downloads_is_copied_into_the_cache(python):
    # A storage that hands out temporary copies, as the remote ones do.
    script = """
    import tempfile
    from metaflow import plugins
    from metaflow.datastore.datastore_storage import CloseAfterUse

    class Downloads(LocalStorage):
        TYPE = "downloads"

        def load_bytes(self, paths):
            def results():
                for path, file, about in LocalStorage(self.datastore_root).load_bytes(paths).data:
                    with tempfile.NamedTemporaryFile() as copy:
                        shutil.copyfile(file, copy.name)
                        yield path, copy.name, about
            return CloseAfterUse(results())

    from metaflow.client import filecache
    filecache.DATASTORES = list(filecache.DATASTORES) + [Downloads]
    add_task("run-1", "task-1", {"small": 7, "noise": b"%d" % 1 * 300_000}, storage=Downloads)
    for name, count in (("small", 1), ("noise", 2)):
        print(len(str(Task("Past/run-1/work/task-1")[name].data)), cached())
    shutil.rmtree(os.path.join(root, "Past", "data"))
    print(Task("Past/run-1/work/task-1")["small"].data)
    """
    assert both(python, NEWEST, STORE + script).split("\n")[-2] == "7"


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


def test_namespaces_filter_tasks_as_before(python):
    script = """
    for number in range(3):
        add_task("run-1", "task-%d" % number, {"value": number})
    Run("Past/run-1").add_tag("mine")
    for name in ("mine", "user:somebody", "theirs"):
        namespace(name)
        try:
            print(name, values())
        except Exception as problem:
            print(name, type(problem).__name__)
    """
    assert "theirs MetaflowNamespaceMismatch" in both(python, NEWEST, STORE + script)


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


def test_a_run_that_is_missing_is_still_missed(python):
    script = """
    add_task("run-1", "task-1", {"value": 1})
    step = Step("Past/run-1/work")
    os.remove(os.path.join(root, "Past", "run-1", "_meta", "_self.json"))
    try:
        list(step)
    except Exception as problem:
        print(type(problem).__name__, problem)
    """
    assert "Could not find run" in both(python, NEWEST, STORE + script)


def test_a_listing_reads_its_run_once(python):
    script = """
    for number in range(4):
        add_task("run-1", "task-%d" % number, {"value": number})
    step, opened = Step("Past/run-1/work"), []
    sys.addaudithook(lambda event, about: event == "open" and opened.append(str(about[0])))
    list(step)
    print(sum(name.endswith(os.path.join("run-1", "_meta", "_self.json")) for name in opened))
    """
    assert python(NEWEST, "before", STORE + script) == "4\n"
    assert python(NEWEST, "after", STORE + script) == "1\n"


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
