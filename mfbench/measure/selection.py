"""Which cases a run measures, from what the benchmarks declare."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.measure.profiles import LARGE, PROFILES
from mfbench.results.benchmarks import Benchmark
from mfbench.results.reader import Case

Benchmarks = Mapping[str, Benchmark]


def select(
    benchmarks: Benchmarks, profile: str, topics: Collection[str] = (), pattern: str | None = None
) -> list[Case]:
    """Select the cases of a profile, or those that match `pattern` as in ``asv run --bench``.

    A pattern selects from the large cases if the profile is `LARGE`, and else from all others.
    Raises Failure where a topic is unknown or no case is selected.
    """
    known = sorted({name.partition(".")[0] for name in benchmarks})
    if unknown := [topic for topic in topics if topic not in known]:
        raise Failure(f"unknown topic {', '.join(unknown)}; topics are {', '.join(known)}")
    if pattern:
        # asv writes texts in quotes; a Case does not.
        unquoted = re.sub(r"'[?*+]?", "", pattern)
        chosen = _in_profile(benchmarks, profile if profile == LARGE else "thorough", topics)
        found = [case for case in chosen if re.search(unquoted, str(case))]
        if not found:
            more = "" if profile == LARGE else "; large cases need --large"
            raise Failure(f"--bench {pattern} matches no case; topics are {', '.join(known)}{more}")
        return found
    found = timed_cases(benchmarks, profile, topics) + repeating_cases(benchmarks, profile, topics)
    if not found:
        raise Failure(f"profile {profile} has no case of these topics; try --profile thorough")
    return found


def profile_with(benchmarks: Benchmarks, profile: str, topics: Collection[str]) -> str:
    """Return a profile; or, if it has no case of some topics, the smallest larger one that has.

    Raises NothingMeasured where only large cases are there.
    """
    names = list(PROFILES)
    for each in names[names.index(profile) :]:
        if _in_profile(benchmarks, each, topics):
            return each
    raise NothingMeasured(f"{', '.join(topics)}: all cases are large; measure them with --large")


def left_out(benchmarks: Benchmarks, profile: str, topics: Collection[str] = ()) -> str:
    """Say in one line which topics a profile leaves cases out of; empty if it has all cases."""
    chosen, most = (select(benchmarks, each, topics) for each in (profile, "thorough"))
    rest = set(most).difference(chosen)
    if not rest:
        return ""
    names = ", ".join(sorted({case.topic for case in rest}))
    larger = list(PROFILES)[list(PROFILES).index(profile) + 1 :]
    return f"left out: {len(rest)} cases of {names}; for more, --profile {' or '.join(larger)}"


def cases_of(benchmarks: Benchmarks, topics: Collection[str] = ()) -> list[Case]:
    """Return all cases, or those of some topics."""
    every = (case for benchmark in benchmarks.values() for case in benchmark.cases())
    return [case for case in every if not topics or case.topic in topics]


def timed_cases(benchmarks: Benchmarks, profile: str, topics: Collection[str] = ()) -> list[Case]:
    """Return the cases of a profile that are measured in rounds."""
    found = _in_profile(benchmarks, profile, topics)
    return [case for case in found if not is_repeating(benchmarks, case)]


def repeating_cases(
    benchmarks: Benchmarks, profile: str, topics: Collection[str] = ()
) -> list[Case]:
    """Return the cases of a profile that are measured once per commit.

    With the witnesses and answers of its timed cases, whatever their topic and profile.
    """
    found = _in_profile(benchmarks, profile, topics)
    chosen = {case for case in found if is_repeating(benchmarks, case)}
    for case in found:
        declared = benchmarks[case.benchmark]
        chosen |= {each for each in (declared.witness_of(case), declared.answer_of(case)) if each}
    return [case for case in cases_of(benchmarks) if case in chosen]


def is_repeating(benchmarks: Benchmarks, case: Case) -> bool:
    """Tell whether asv keeps one value of a case, however often it is measured."""
    return benchmarks[case.benchmark].type == "track"


def counts_of(benchmarks: Benchmarks) -> list[Case]:
    """Return the cases of topic `instructions` that valgrind counts; others need whole runs."""
    return [case for case in cases_of(benchmarks, ["instructions"]) if is_count(benchmarks, case)]


def is_count(benchmarks: Benchmarks, case: Case) -> bool:
    """Tell whether valgrind counts the instructions of a case."""
    return benchmarks[case.benchmark].unit == "instructions"


def _in_profile(benchmarks: Benchmarks, profile: str, topics: Collection[str]) -> list[Case]:
    names = list(PROFILES)
    included = names[: names.index(profile) + 1] if profile in PROFILES else [profile]

    def smallest(case: Case) -> str:
        benchmark = benchmarks[case.benchmark]
        return "quick" if benchmark.is_quick(case) else benchmark.profile

    every = cases_of(benchmarks, topics)
    return [case for case in every if smallest(case) in included]


def pattern_of_cases(cases: Iterable[Case]) -> str:
    """Return a regular expression with which ``asv run --bench`` measures exactly these cases."""
    parameters: dict[str, list[str]] = {}
    for case in cases:
        # asv writes texts in quotes, but not numbers.
        values = ", ".join(f"'?{re.escape(each)}'?" for each in case.parameters)
        parameters.setdefault(case.benchmark, []).append(values)
    parts = [
        re.escape(name) + (rf"\(({'|'.join(values)})\)" if any(values) else "")
        for name, values in parameters.items()
    ]
    return f"^({'|'.join(parts)})$"
