"""What describes a blob is read as before, or told missing as before."""

import os

import pytest

from optimizations.edits import DoesNotApply
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.optimizations.test_unpickle_from_file import STORE

LOCAL = "metaflow/plugins/datastores/local_storage.py"
DESCRIBED = r"""
save(value={"a": 1})
(blob,) = [path for path in Path("root").rglob("data/*/*") if not path.name.endswith("_meta")]
description = Path(f"{blob}_meta")

def told():
    try:
        return load("value")
    except Exception as problem:
        return type(problem).__name__

before = description.read_bytes()
text = before.decode()
contents = (
    before, b"", b"{", b"[1", b"null", b'{"cas_version": 9, "cas_raw": false}', bytes(40),
    text.encode("utf-8-sig"), text.encode("utf-16"), text.encode("utf-32"), b"\xff" + before,
    text.replace(",", ",\r\n").encode(),
)
for content in contents:
    description.write_bytes(content)
    print(told())
description.unlink()
print("as the first releases stored it", told())
description.mkdir()
print("a folder", told())
description.rmdir()
description.symlink_to("nowhere")
print("a link to nowhere", told())
description.unlink()
description.symlink_to(description.name)
print("a link to itself", told())
description.unlink()
description.write_bytes(before)
print(told(), open_files())
"""
UNREADABLE = """
save(value={"a": 1})
for description in Path("root").rglob("data/*/*_meta"):
    description.chmod(0)
try:
    print(load("value"))
except Exception as problem:
    print(type(problem).__name__)
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_descriptions_missing_and_damaged_are_told_as_before(python, version):
    said = both(python, version, STORE + DESCRIBED).splitlines()
    assert said[0] == said[4] == said[11] == "[('value', {'a': 1})]"
    assert said[-1] == "[('value', {'a': 1})] []"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_whose_description_would_have_too_long_a_name_has_none(python, version):
    script = """
name = "n" * (os.pathconf(".", "PC_NAME_MAX") - 2)
with open(name, "w") as file:
    file.write("content")
with LocalStorage(os.getcwd()).load_bytes([name]) as loaded:
    for _, path, metadata in loaded:
        print(open(path).read(), metadata)
"""
    assert both(python, version, STORE + script) == "content None\n"


def test_a_description_that_comes_a_moment_later_is_missing(python):
    # An older release writes it behind what it describes.
    script = """
with open("name", "w") as file:
    file.write("content")
os.path.exists = lambda path: True
with LocalStorage(os.getcwd()).load_bytes(["name"]) as loaded:
    print([metadata for _, _, metadata in loaded])
"""
    assert python(NEWEST, "after", STORE + script) == "[None]\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_description_that_may_not_be_read_is_no_missing_one(python):
    assert both(python, NEWEST, STORE + UNREADABLE) == "PermissionError\n"


def test_another_way_to_read_them_is_refused_by_name(series):
    source = tree_of(series, NEWEST)[LOCAL].source
    changed = source.replace('mode="r") as f:', 'mode="rt") as f:')
    tree = tree_of(series, NEWEST, **{LOCAL: changed})
    with pytest.raises(DoesNotApply, match=r"LocalStorage\.load_bytes: "):
        applied("read_descriptions_at_once", tree)
