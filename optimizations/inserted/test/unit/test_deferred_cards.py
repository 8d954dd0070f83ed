import subprocess
import sys

import metaflow
import metaflow.plugins


def run(script):
    return subprocess.check_output([sys.executable, "-c", script], text=True).split()


def test_cards_are_loaded_when_first_asked_for():
    script = """
import sys, metaflow
print("metaflow.cards" in sys.modules)
print(metaflow.cards.Markdown.__name__, metaflow.cards is sys.modules["metaflow.cards"])
"""
    assert run(script) == ["False", "Markdown", "True"]


def test_cards_are_imported_as_before():
    assert run("from metaflow import cards; print(cards.__name__)") == [
        "metaflow.cards"
    ]
    assert run("from metaflow import *; print(cards.__name__)") == ["metaflow.cards"]
    assert run("from metaflow import *; print(retry, FlowSpec, S3)")
    assert "cards" in dir(metaflow)


def test_list_of_cards_is_one_plain_list(mocker):
    cards = metaflow.plugins.CARDS
    assert type(cards) is list and cards is metaflow.plugins.CARDS
    assert {"default", "blank", "error"} <= {card.type for card in cards}
    assert "CARDS" in dir(metaflow.plugins)
    mocker.patch("metaflow.plugins.CARDS", [])
    assert metaflow.plugins.CARDS == []


def test_unknown_names_are_not_found():
    assert not hasattr(metaflow, "nonesuch")
    assert not hasattr(metaflow.plugins, "nonesuch")
