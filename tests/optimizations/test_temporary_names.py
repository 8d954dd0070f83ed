"""Temporary files have other names than before, and nothing else of them has changed."""

import pytest

from optimizations.edits import DoesNotApply
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.optimizations.test_unpickle_from_file import STORE

LOCAL = "metaflow/plugins/datastores/local_storage.py"
SAVED = """
os.umask(0o002)
save(small=1, text="word " * 9, noise=noise(700_000))
for path in sorted(Path("root").rglob("*")):
    print(path, oct(path.stat().st_mode))
print(load("small", "text"), open_files())
"""
# What is opened to be written, by what Python itself tells.
NAMES = """
opened = []
def hook(event, arguments):
    if event == "open" and arguments[2] & os.O_EXCL and "root" in str(arguments[0]):
        opened.append(os.path.relpath(arguments[0]))
sys.addaudithook(hook)
save(small=1)
blobs = [Path(each) for each in opened if "data" in each.split(os.sep)]
print(len(blobs), len(set(opened)) == len(opened), {each.name[:3] for each in blobs})
stored = {path.parent for path in Path("root").rglob("data/*/*")}
print({each.parent for each in blobs} == stored, any(map(os.path.exists, opened)))
"""
FAILING = """
Path("folder/file/taken").mkdir(parents=True, exist_ok=True)
for path, data in (("folder/new", 7), ("folder/file", b"written, and not renamed")):
    try:
        LocalStorage._atomic_write(path, data)
    except Exception as problem:
        print(type(problem).__name__, os.listdir("folder"))
try:
    LocalStorage._atomic_write("nowhere/file", b"content")
except Exception as problem:
    print(type(problem).__name__)
"""
TAKEN = """
from metaflow.plugins.datastores.local_storage import _temporary_file
os.urandom = lambda count: bytes(count)
handle, path = _temporary_file(os.getcwd())
os.write(handle, b"somebody's")
os.close(handle)
try:
    _temporary_file(os.getcwd())
except FileExistsError:
    print(Path(path).read_bytes())
link = Path(path)
link.unlink()
link.symlink_to("elsewhere")
try:
    _temporary_file(os.getcwd())
except FileExistsError:
    print(Path("elsewhere").exists())
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_stored_has_the_names_and_modes_of_before(python, version):
    lines = both(python, version, STORE + SAVED).splitlines()
    assert len(lines) > 8 and lines[-1].endswith("[]")


def test_they_lie_beside_what_they_become_and_are_made_anew(python):
    assert both(python, NEWEST, STORE + NAMES) == "2 True {'tmp'}\nTrue False\n"


def test_what_can_not_be_written_leaves_nothing_behind(python):
    said = "TypeError ['file']\nIsADirectoryError ['file']\nFileNotFoundError\n"
    assert both(python, NEWEST, STORE + FAILING) == said


def test_a_name_that_is_taken_is_left_alone(python):
    assert python(NEWEST, "after", STORE + TAKEN) == 'b"somebody\'s"\nFalse\n'


def test_a_release_that_writes_in_another_way_is_refused_by_name(series):
    source = tree_of(series, NEWEST)[LOCAL].source
    changed = source.replace("tempfile.mkstemp(dir=dir_name)", "tempfile.mkstemp(dir=folder)")
    with pytest.raises(DoesNotApply, match=r"local_storage\.py: "):
        applied("temporary_names", tree_of(series, NEWEST, **{LOCAL: changed}))
