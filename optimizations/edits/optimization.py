"""What one optimisation is: a change, what it claims to move, and what it was asked for."""

import difflib
import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optimizations.edits.errors import Incomplete
from optimizations.edits.source_tree import SourceTree


@dataclass(frozen=True)
class Claim:
    """A case that an optimisation moves, compared with the commit below its own.

    Attributes
    ----------
    case : str
        asv's name, without quotes: "artifacts.Save.time_save(float64-8MB)".
    label : str
        What a person calls the case.
    against : str, optional
        For an optimisation behind a setting, `case` is measured with the setting on, and `against`
        is the same work with it off. Both are measured at the optimisation's own commit.
    """

    case: str
    label: str
    against: str | None = None


@dataclass(frozen=True)
class Target:
    """Something slow, and how much faster it should become: a row of STATUS.md.

    Attributes
    ----------
    name : str
        What is slow.
    claimed : str
        What the case study measured and hoped for; where `reported`, the issue or pull request of
        metaflow that reports it, or how this project found it.
    case : str
        The claimed case that decides whether the target is reached.
    at_least : float
        The ratio before / after to reach: how many times as fast, or as few instructions.
    finding : str, optional
        What did not hold, or what else is to be known, in a sentence.
    reported : bool, optional
        Whether it was found since, and not by the case study.
    """

    name: str
    claimed: str
    case: str
    at_least: float
    finding: str = ""
    reported: bool = False


@dataclass(frozen=True)
class Optimization:
    """One change of metaflow, as its module describes it.

    The first of its claims is its headline. `needs` names the optimisations that it stands on.
    """

    name: str
    text: str
    apply: Callable[[SourceTree], None]
    claims: tuple[Claim, ...] = ()
    target: Target | None = None
    needs: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The first line of its text, without the full stop."""
        return self.text.partition("\n")[0].rstrip(".")

    @property
    def body(self) -> str:
        """All of its text but the first line."""
        return self.text.partition("\n")[2].strip()


def load(name: str) -> Optimization:
    """Load the optimisation in the module `optimizations.<name>`; refuse an incomplete one."""
    wanted = f"optimizations.{name}"
    try:
        module = importlib.import_module(wanted)
    except ModuleNotFoundError as missing:
        if missing.name != wanted:
            raise
        known = [path.stem for path in Path(__file__).parent.parent.glob("[a-z]*.py")]
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        meant = f"; the nearest is {nearest[0]}" if nearest else ""
        raise ImportError(f"there is no optimizations/{name}.py{meant}") from None
    claims = getattr(module, "CLAIMS", ())
    target = getattr(module, "TARGET", None)
    needs = getattr(module, "NEEDS", ())
    for found, lacking in (
        (module.__doc__, "a docstring: the text of the pull request"),
        (_takes_a_tree(getattr(module, "apply", None)), "a function apply(tree)"),
        (
            isinstance(claims, tuple) and all(isinstance(each, Claim) for each in claims),
            "CLAIMS that are a tuple of Claim",
        ),
        (target is None or isinstance(target, Target), "a TARGET that is a Target"),
        (
            isinstance(needs, tuple) and all(isinstance(each, str) for each in needs),
            "NEEDS that are a tuple of names",
        ),
    ):
        if not found:
            raise Incomplete(f"{name} lacks {lacking}", str(module.__file__))
    text = inspect.cleandoc(module.__doc__ or "")
    return Optimization(name, text, module.apply, claims, target, needs)


def _takes_a_tree(apply: object) -> bool:
    try:
        return callable(apply) and bool(inspect.signature(apply).bind("a tree"))
    except TypeError:
        return False
