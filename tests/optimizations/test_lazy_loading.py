"""Lazy lists and dicts: to everyone who looks, what they stand for."""

import copy
import json
import pickle
import threading
from unittest import mock

import pytest

from optimizations.inserted.metaflow.lazy_loading import LazyDict, LazyList
from tests.optimizations.threads import run_threads

LOOKS_AT_A_LIST = {
    "length": len,
    "truth": bool,
    "item": lambda items: items[1],
    "slice": lambda items: items[1:],
    "iteration": lambda items: [item for item in items],
    "membership": lambda items: 2 in items,
    "sum": lambda items: items + [9],
    "sum from the left": lambda items: [9] + items,
    "product": lambda items: (items * 2, 2 * items),
    "equality": lambda items: (items == [3, 1, 2], items == [3, 1, 2], items != [3, 1, 2]),
    "order": lambda items: (items < [4], items < [4]),
    "unpacking": lambda items: [*items],
    "arguments": lambda items: max(*items),
    "tuple": tuple,
    "list": list,
    "set": set,
    "sorted": sorted,
    "reversed": lambda items: list(reversed(items)),
    "extending another": lambda items: ([0].extend(items), [*[0], *items]),
    "slice assignment": lambda items: _assigned_slice([0], items),
    "text": lambda items: (repr(items), str(items)),
    "JSON": json.dumps,
    "join": lambda items: ",".join(map(str, items)),
    "copy": lambda items: (copy.copy(items), copy.deepcopy(items), items.copy()),
    "pickle": lambda items: pickle.loads(pickle.dumps(items)),
    "append": lambda items: (items.append(5), list(items)),
    "in place": lambda items: _in_place(items),
    "deletion": lambda items: (items.__delitem__(0), list(items)),
    "sorting": lambda items: (items.sort(), list(items)),
    "methods": lambda items: (items.index(2), items.count(1), items.pop()),
    "match": lambda items: isinstance(items, list),
}


def _assigned_slice(target, items):
    target[0:0] = items
    return target


def _in_place(items):
    items += [7]
    return list(items)


@pytest.mark.parametrize("look", LOOKS_AT_A_LIST.values(), ids=LOOKS_AT_A_LIST)
def test_a_lazy_list_is_a_list_to_every_first_look(look):
    assert look(LazyList(lambda: (3, 1, 2))) == look([3, 1, 2])


LOOKS_AT_A_DICT = {
    "length": len,
    "item": lambda items: items["a"],
    "get": lambda items: (items.get("a"), items.get("z", 0)),
    "membership": lambda items: "a" in items,
    "iteration": lambda items: [key for key in items],
    "views": lambda items: (list(items.keys()), list(items.values()), list(items.items())),
    "dict": dict,
    "unpacking": lambda items: {**items, "z": 0},
    "arguments": lambda items: dict(**items),
    "updating another": lambda items: _updated({"z": 0}, items),
    "update": lambda items: (items.update(z=0), dict(items)),
    "assignment": lambda items: (items.__setitem__("a", 5), dict(items)),
    "pop": lambda items: (items.pop("a"), dict(items)),
    "default": lambda items: (items.setdefault("z", 1), dict(items)),
    "union": lambda items: (items | {"z": 0}, {"z": 0} | items),
    "equality": lambda items: (items == {"a": 1, "b": 2}, items == {"a": 1, "b": 2}),
    "text": repr,
    "JSON": json.dumps,
    "copy": lambda items: (copy.copy(items), copy.deepcopy(items), items.copy()),
    "pickle": lambda items: pickle.loads(pickle.dumps(items)),
    "patch": lambda items: _patched(items),
}


def _updated(target, items):
    target.update(items)
    return target


def _patched(items):
    with mock.patch.dict(items, a=10, z=0):
        inside = dict(items)
    return inside, dict(items)


@pytest.mark.parametrize("look", LOOKS_AT_A_DICT.values(), ids=LOOKS_AT_A_DICT)
def test_a_lazy_dict_is_a_dict_to_every_first_look(look):
    assert look(LazyDict(lambda: {"a": 1, "b": 2})) == look({"a": 1, "b": 2})


PAIRS = {
    "equality": lambda one, other: (one == other, one != other),
    "order": lambda one, other: (one < other) if isinstance(one, list) else None,
    "sum": lambda one, other: one + other if isinstance(one, list) else {**one, **other},
    "extension": lambda one, other: (
        one.extend(other) if isinstance(one, list) else one.update(other)
    ),
    "slice": lambda one, other: one.__setitem__(slice(0, 0), other) if isinstance(one, list) else 0,
}


@pytest.mark.parametrize("look", PAIRS.values(), ids=PAIRS)
@pytest.mark.parametrize("kind, made", [(LazyList, [1, 2]), (LazyDict, {"a": 1})])
def test_two_lazy_ones_look_at_each_other(look, kind, made):
    plain, lazy = [type(made)(made) for _ in range(2)], [kind(lambda: made) for _ in range(2)]
    assert look(*lazy) == look(*plain)
    assert lazy[0] == plain[0] and lazy[1] == plain[1]


def test_a_sum_that_is_none_is_refused_as_ever():
    with pytest.raises(TypeError):
        (1,) + LazyList(lambda: [1])


@pytest.mark.parametrize("kind, made", [(LazyList, [1]), (LazyDict, {"a": 1})])
def test_content_is_made_once_and_not_before_it_is_asked_for(kind, made):
    calls = []
    lazy = kind(lambda: calls.append("made") or made)
    assert not calls
    lazy.clear()
    assert len(lazy) == 0 and calls == ["made"]


def test_what_fails_to_be_made_is_tried_again():
    attempts = iter([ImportError("not yet"), [1]])

    def make():
        result = next(attempts)
        if isinstance(result, Exception):
            raise result
        return result

    lazy = LazyList(make)
    with pytest.raises(ImportError, match="not yet"):
        len(lazy)
    assert lazy == [1]


def test_threads_see_all_of_it_or_wait():
    ready = threading.Barrier(8)
    lazy = LazyList(lambda: range(1000))
    seen = []

    def look():
        ready.wait()
        seen.append(len(lazy))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1000] * 8


def test_a_lazy_dict_is_whole_in_every_thread():
    lazy = LazyDict(lambda: dict.fromkeys(range(1000)))
    ready, seen = threading.Barrier(8), []

    def look():
        ready.wait()
        seen.append((len(lazy), None in lazy, 999 in lazy))

    run_threads(*[look] * 8)
    assert seen == [(1000, False, True)] * 8
