import pytest

from metaflow.datastore import FlowDataStore
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.datastore.datastore_storage import CloseAfterUse
from metaflow.datastore.exceptions import DataException
from metaflow.plugins.datastores.local_storage import LocalStorage
from metaflow.runtime import Task

LARGE = b"large " * 1000


class Storage(LocalStorage):
    """Remembers the names of the files that it was asked for."""

    def __init__(self, root):
        super().__init__(root)
        self.asked = []

    def is_file(self, paths):
        self.asked.extend(path.split("/")[-1] for path in paths)
        return super().is_file(paths)

    def load_bytes(self, paths):
        self.asked.extend(path.split("/")[-1] for path in paths)
        with super().load_bytes(paths) as loaded:
            # Downloads lie elsewhere than the store
            moved = [(k, p and p.replace("/data/", "/./data/"), m) for k, p, m in loaded]
        return CloseAfterUse(iter(moved))


class FullDisk(Storage):
    def save_bytes(self, path_and_bytes_iter, overwrite=False, len_hint=0):
        list(path_and_bytes_iter)
        raise OSError("no space left")


def make_store(tmp_path, storage=Storage):
    return ContentAddressedStore("data", storage(str(tmp_path)))


def save(store, *blobs):
    return [result.key for result in store.save_blobs(iter(blobs))]


def test_equal_blobs_are_asked_for_once(tmp_path):
    store = make_store(tmp_path)
    key, other, same = save(store, b"one", b"two", b"one")
    assert key == same != other
    assert store._storage_impl.asked == [key, other]


def test_the_next_save_asks_again(tmp_path):
    store = make_store(tmp_path)
    (key,) = save(store, b"one")
    blob_path = tmp_path / "data" / key[:2] / key
    blob_path.unlink()
    save(store, b"one")
    assert blob_path.exists()


def test_what_could_not_be_saved_is_saved_again(tmp_path):
    with pytest.raises(OSError, match="no space left"):
        save(make_store(tmp_path, FullDisk), b"one")
    store = make_store(tmp_path)
    store._storage_impl.save_bytes, save_bytes = None, store._storage_impl.save_bytes
    with pytest.raises(TypeError):
        save(store, b"one")
    store._storage_impl.save_bytes = save_bytes
    (key,) = save(store, b"one")
    assert dict(make_store(tmp_path).load_blobs([key])) == {key: b"one"}


@pytest.mark.parametrize("blob, times", [(b"small", 1), (LARGE, 3)])
def test_small_blobs_are_loaded_once(tmp_path, blob, times):
    (key,) = save(make_store(tmp_path), blob)
    store = make_store(tmp_path)
    for _ in range(3):
        assert dict(store.load_blobs([key])) == {key: blob}
    assert store._storage_impl.asked == [key] * times


def test_what_was_saved_is_not_loaded(tmp_path):
    store = make_store(tmp_path)
    content = bytearray(b"small")
    (key,) = save(store, content)
    content[:] = b"other"
    assert dict(store.load_blobs([key])) == {key: b"small"}
    assert store._storage_impl.asked == [key]


def test_few_blobs_are_kept(tmp_path):
    store = make_store(tmp_path)
    keys = save(store, *(b"%d" % i for i in range(1001)))
    del store._storage_impl.asked[:]
    assert len(dict(store.load_blobs(keys))) == 1001
    assert len(store._storage_impl.asked) == 1


@pytest.fixture
def flow(tmp_path):
    return FlowDataStore("Flow", storage_impl=Storage, ds_root=str(tmp_path))


def begin(flow, task_id, attempt, is_done=True):
    task = flow.get_task_datastore("1", "a", task_id, attempt=attempt, mode="w")
    task.init_task()
    if is_done:
        task.save_artifacts(iter([("attempt", attempt)]))
        task.done()
    flow._storage_impl.asked.clear()


def open_task(flow, attempt=None, **kwargs):
    return flow.get_task_datastore("1", "a", "1", attempt=attempt, **kwargs)


def test_a_done_task_is_opened_with_three_questions(flow):
    begin(flow, "1", 0)
    assert open_task(flow)["attempt"] == 0
    assert flow._storage_impl.asked[:3] == ["0.DONE.lock", "1.attempt.json", "0.data.json"]


@pytest.mark.parametrize("attempt", [0, 2])
def test_a_done_attempt_is_opened_with_two_questions(flow, attempt):
    for i in range(attempt + 1):
        begin(flow, "1", i, is_done=i == attempt)
    assert open_task(flow, attempt)["attempt"] == attempt
    expected = ["%d.DONE.lock" % attempt, "%d.data.json" % attempt]
    assert flow._storage_impl.asked[:2] == expected


@pytest.mark.parametrize("done", [(0, 1), (1,)])
def test_the_latest_attempt_is_opened(flow, done):
    for i in (0, 1):
        begin(flow, "1", i, is_done=i in done)
    assert open_task(flow)["attempt"] == 1


def test_a_task_that_lacks_its_first_attempt_is_opened(flow):
    begin(flow, "1", 1)
    assert open_task(flow)["attempt"] == 1


@pytest.mark.parametrize("done", [(), (0,)])
def test_a_task_whose_latest_attempt_is_not_done_is_refused(flow, done):
    for i in (0, 1):
        begin(flow, "1", i, is_done=i in done)
    with pytest.raises(DataException, match="No completed attempts"):
        open_task(flow)
    assert open_task(flow, allow_not_done=True).attempt == 1
    assert len(list(open_task(flow, attempt=2).items())) == 0


def open_many(flow, *task_ids, **kwargs):
    pathspecs = ["1/a/%s" % task_id for task_id in task_ids]
    tasks = flow.get_task_datastores(pathspecs=pathspecs, **kwargs)
    return [(task.task_id, task.attempt) for task in tasks]


def test_three_files_of_each_done_task_are_asked_for(flow):
    for task_id in "123":
        begin(flow, task_id, 0)
    assert open_many(flow, *"312") == [("3", 0), ("1", 0), ("2", 0)]
    files = ["0.DONE.lock", "1.attempt.json", "0.data.json"]
    assert sorted(flow._storage_impl.asked) == sorted(files * 3)


def test_many_tasks_are_opened_at_their_latest_attempts(flow):
    begin(flow, "1", 0)
    for i in range(3):
        begin(flow, "2", i, is_done=i == 2)
    for i in range(2):
        begin(flow, "3", i)
    begin(flow, "4", 1)  # its first attempt is missing
    begin(flow, "5", 0)
    begin(flow, "5", 1, is_done=False)
    begin(flow, "6", 0, is_done=False)
    done = [("1", 0), ("2", 2), ("3", 1), ("4", 1)]
    assert open_many(flow, *"1234567") == done
    asked = flow._storage_impl.asked
    assert len(asked) == len("1234567") * 2 + 1 + len("234567") * 18
    assert open_many(flow, *"123456", allow_not_done=True) == done + [("5", 1), ("6", 0)]


def test_of_a_wanted_attempt_all_is_asked_for(flow):
    for i in range(2):
        begin(flow, "1", i)
    assert open_many(flow, "1", attempt=0) == [("1", 0)]
    assert sorted(open_many(flow, "1", attempt=1, include_prior=True)) == [("1", 0), ("1", 1)]


@pytest.mark.parametrize("is_cloned, attempt", [(False, 2), (True, None)])
def test_the_scheduler_opens_the_attempt_that_it_ran(mocker, is_cloned, attempt):
    task = object.__new__(Task)
    task._results_ds = None
    task._is_cloned = is_cloned
    task.retries = 2
    task._flow_datastore = mocker.Mock()
    task.run_id, task.step, task.task_id = "1", "a", "7"
    assert task.results is task._flow_datastore.get_task_datastore.return_value
    task._flow_datastore.get_task_datastore.assert_called_once_with(
        "1", "a", "7", attempt=attempt
    )
