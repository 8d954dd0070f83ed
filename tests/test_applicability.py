"""docs/optimizations.md says which optimisation applies to which release, as the series does."""

import re

import pytest

from optimizations import SERIES
from scripts import applicability, history
from scripts.errors import Failure
from scripts.paths import UPSTREAM

# The oldest, the newest, and one of those in between.
RELEASES = ["2.10.4", "2.15.0", "2.19.39"]


@pytest.fixture(scope="module")
def found():
    history.ensure(UPSTREAM)
    return applicability.outcomes(UPSTREAM, RELEASES)


def test_everything_applies_to_the_newest_release(found):
    assert set(found["2.19.39"]) == {each.name for each in SERIES}
    assert not any(found["2.19.39"].values())


def test_a_refusal_names_what_is_missing(found):
    assert "asyncio" in found["2.10.4"]["defer_asyncio"]


def test_neighbours_that_agree_share_a_stretch():
    verdicts = {"1": "", "2": "", "3": "no such function", "4": ""}
    outcomes = {release: {"idea": said} for release, said in verdicts.items()}
    assert applicability.spans(outcomes, "idea") == {
        "applies": ["1 to 2", "4"],
        "no such function": ["3"],
    }
    assert applicability.rows(outcomes) == [
        ("idea", "3 of 4", "1 to 2, 4", "3: no such function"),
    ]


def test_the_document_agrees_with_the_series(found):
    lines = applicability.DOCUMENT.read_text(encoding="utf-8").splitlines()
    documented = {
        name: takers
        for name, takers in (
            re.match(r"\| `(\w+)` \| \d+ of \d+ \| (.*?) \|", line).groups()
            for line in lines
            if line.startswith("| `")
        )
    }
    assert list(documented) == [each.name for each in SERIES]
    order = applicability.releases_on_main(UPSTREAM)
    for release, said in found.items():
        for name, refusal in said.items():
            assert in_stretches(release, documented[name], order) == (not refusal), (release, name)


def in_stretches(release, stretches, order):
    if stretches == "none":
        return False
    for stretch in stretches.split(", "):
        first, _, last = stretch.partition(" to ")
        if order.index(first) <= order.index(release) <= order.index(last or first):
            return True
    return False


def test_an_unknown_release_is_named(found):
    with pytest.raises(Failure, match=r"unknown revision 3\.0"):
        applicability.outcomes(UPSTREAM, ["3.0"])
