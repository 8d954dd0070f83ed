import pytest

from metaflow.plugins.pypi.utils import pip_tags, wheel_tags
from metaflow.util import version_parse


@pytest.mark.parametrize(
    "older, newer",
    [("2.0.2", "2.0.10"), ("2.3.0", "2.3.0.post1"), ("2.4.0rc1", "2.4.0")],
)
def test_versions_are_compared_by_their_numbers(older, newer):
    assert version_parse(older) < version_parse(newer)


def test_tags_of_wheels():
    (tag,) = wheel_tags("metaflow-2.19.39-py3-none-any.whl")
    assert str(tag) == "py3-none-any"


def test_pure_python_wheels_fit_linux():
    assert "py3-none-any" in [str(tag) for tag in pip_tags("3.9", "linux-64")]
