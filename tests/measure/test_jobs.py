"""What the series and the releases still need, and how long it takes."""

import shutil
from types import SimpleNamespace

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import UPSTREAM
from mfbench.measure import jobs as module
from mfbench.measure import series
from mfbench.measure.jobs import Job, jobs_for, run_job, seconds_of, time_text
from mfbench.measure.missing import missing_jobs
from mfbench.measure.releases import newer_releases, release_jobs
from mfbench.measure.selection import counts_of, is_repeating
from mfbench.measure.series import begin_of_series, claimed_cases, series_jobs
from mfbench.repository.control import control_of
from mfbench.repository.releases import load, minor_of, minor_releases
from mfbench.repository.series import read_pulls, read_series
from mfbench.results.reader import Case, read_sides
from optimizations import SERIES
from tests.committed import MACHINE, edit

SHOW, MAP = Case("cli.FlowScript.time_show"), Case("multicore.ParallelMap.time_map", ("1", "8"))
COUNT = Case("instructions.Command.track_run", ("python",))
IMPORT = Case("instructions.Command.track_run", ("import metaflow",))
VERSIONS = [release.version for release in load()]
# Topics that came after machine `reference` had measured all releases.
LATER_TOPICS = {"forked", "packages", "runner", "s3runs", "scheduler", "service"}


@pytest.fixture
def stored(tmp_path, renewed, request_of):
    """A request on results of its own."""
    return request_of(MACHINE, results=shutil.copytree(renewed, tmp_path / "results"))


@pytest.fixture(scope="module")
def ends():
    """Main, its control and branch optimized."""
    main = commit_of(UPSTREAM, "main")
    return [main, control_of(UPSTREAM, main), commit_of(UPSTREAM, "optimized")]


def left(request):
    return list(missing_jobs(series_jobs(request), request))


def test_commits_that_are_compared_are_measured_together_if_one_lacks_a_case(stored, ends):
    claimed = {case for each in SERIES for case in claimed_cases(each.name)}
    known = [path.name[:8] for path in (stored.results / MACHINE).glob("*-*.json")]
    if not {each.hash[:8] for each in read_pulls(UPSTREAM)} <= set(known):
        pytest.skip("the series was changed and not measured since")
    assert left(stored) == []
    edit(stored.results, "main", lambda content: content["results"].pop(SHOW.benchmark))
    pull = next(each for each in read_pulls(UPSTREAM) if claimed_cases(each.name)[0] != IMPORT)
    case = claimed_cases(pull.name)[0]
    edit(stored.results, pull.hash, lambda content: content["results"].pop(case.benchmark))
    first, second = left(stored)
    assert SHOW not in claimed
    assert (first.cases, first.commits, first.timed) == ([SHOW], ends, True)
    assert second.title == f"claims in {case.topic}"
    assert {pull.hash, pull.below} <= set(second.needed[case])
    assert {each.benchmark for each in second.cases} == {case.benchmark}


def test_the_series_has_every_case_at_its_ends_and_every_claim_beside_the_commit_below(
    request_of, ends
):
    asked = request_of("new")
    jobs = series_jobs(asked)
    needed = {case: (set(found), job) for job in jobs for case, found in job.needed.items()}
    assert sum(len(job.needed) for job in jobs if job.timed) == sum(
        not is_repeating(asked.benchmarks, case) for case in asked.cases
    ), "a time is measured in one job, where its commits alternate"
    at_ends = [
        case for job in jobs for case, found in job.needed.items() if set(ends) <= set(found)
    ]
    assert set(at_ends) == asked.cases
    inside = {each.name: each for each in read_series(UPSTREAM)}
    claims = {case: set() for case in needed}
    for pull in read_pulls(UPSTREAM):
        for case in claimed_cases(pull.name):
            claims[case] |= {pull.below, pull.hash}
        headline = inside[pull.name]
        for case in claimed_cases(pull.name, only_headline=True):
            claims[case] |= {headline.below, headline.hash}
    for case, commits in claims.items():
        measured = {commit for job in jobs for commit in job.needed.get(case, ())}
        # The site asks which commit changed a count.
        others = (
            {each.hash for each in inside.values()}
            if case in counts_of(asked.benchmarks)
            else set()
        )
        assert measured == commits | set(ends) | others


def test_a_claimed_case_that_no_benchmark_has_is_told_with_file_and_line(request_of, benchmarks):
    name, case = SERIES[0].name, claimed_cases(SERIES[0].name)[0]
    known = {each: benchmark for each, benchmark in benchmarks.items() if each != case.benchmark}
    with pytest.raises(Failure, match=rf"^optimizations/{name}\.py:\d+: no benchmark has "):
        series_jobs(request_of("new", known))


def test_every_release_is_counted_and_one_of_each_minor_version_is_timed(request_of):
    every = release_jobs(request_of("new", cases=frozenset([SHOW, COUNT])))
    newest_first = VERSIONS[::-1]
    titles = [f"release {version}" for version in newest_first]
    assert [job.title for job in every if job.cases == [COUNT]] == titles
    timed = [job.title for job in every if job.cases == [SHOW] and job.rounds == 3]
    # The last of its minor version has a neighbour of another one.
    newer = zip(newest_first, [newest_first[0], *newest_first])
    last = [version for version, other in newer if minor_of(version) != minor_of(other)]
    newest = [each for each in newest_first if minor_of(each) == minor_of(VERSIONS[-1])]
    assert timed == [f"release {version}" for version in (*newest, *last)]


def test_counts_of_whole_runs_are_for_the_last_release_of_each_minor_version(request_of):
    cases = frozenset(
        [Case("s3runs.Join.track_keys", ("50",)), Case("s3runs.Run.time_run", ("hello",))]
    )
    jobs = release_jobs(request_of("new", cases=cases))
    assert [job.title for job in jobs] == [
        f"release {each}" for each in minor_releases(UPSTREAM)[::-1]
    ]
    assert {case for job in jobs for case in job.cases} == {Case("s3runs.Join.track_keys", ("50",))}


@pytest.fixture
def of_releases(request_of):
    """Make a request for what machine `reference` measured of each release."""

    def make(machine, **more):
        every = request_of(machine).cases
        cases = frozenset(case for case in every if case.topic not in LATER_TOPICS)
        return request_of(machine, cases=cases, **more)

    return make


@pytest.mark.slow
def test_nothing_is_left_of_the_committed_releases(of_releases):
    asked = of_releases("reference")
    assert list(missing_jobs(release_jobs(asked), asked)) == []


def test_newer_releases_begin_with_the_newest_that_was_measured(of_releases, renewed, tmp_path):
    asked = of_releases("new", results=tmp_path)
    assert newer_releases(asked) == []
    (tmp_path / "new").mkdir()
    for version in (VERSIONS[4], VERSIONS[-4], VERSIONS[-1]):
        commit = commit_of(UPSTREAM, version)
        (path,) = (renewed / "reference").glob(f"{commit[:8]}-*.json")
        shutil.copy(path, tmp_path / "new")
    # The newest of all is measured with the series.
    newer = newer_releases(asked)
    assert newer == VERSIONS[-4:-1]
    # Of the first, nothing is left; each of the others is measured wholly before the next.
    titles = [job.title for job in missing_jobs(release_jobs(asked, newer), asked)]
    assert titles == [f"release {version}" for version in VERSIONS[-3:-1] for _ in range(2)]


def test_a_series_that_is_continued_soon_stays_one_run(stored, ends, monkeypatch):
    (side,) = read_sides(stored.results, MACHINE, "main", ends[0])
    began = max(each.run for each in side.cases.values() if each.samples)

    def continued(hours):
        clock = SimpleNamespace(time=lambda: began + 3600 * hours)
        monkeypatch.setattr(series, "time", clock)
        return begin_of_series(stored)

    assert (continued(1), continued(4)) == (began, None)
    # A commit that is not of the series was measured in the same run.
    (path,) = (stored.results / MACHINE).glob(f"{ends[0][:8]}-*.json")
    text = path.read_text().replace(ends[0], "f" * 40)
    path.with_name(path.name.replace(ends[0][:8], "f" * 8)).write_text(text)
    assert continued(1) is None


def test_a_request_limits_cases_and_sets_rounds(request_of):
    needed = dict.fromkeys((MAP, SHOW, COUNT), ("base", "control"))
    asked = request_of("new", cases=frozenset([MAP, COUNT]))
    times, once = jobs_for("x", needed, asked, 5)
    assert times.commits == once.commits == ["base", "control"]
    assert (times.cases, times.rounds, times.timed) == ([MAP], 5, True)
    assert (once.cases, once.rounds, once.timed) == ([COUNT], None, False)
    (few,) = jobs_for("x", needed, request_of("new", cases=frozenset([MAP]), rounds=3), 5)
    assert few.rounds_of(MAP, asked.benchmarks) == 3
    assert once.rounds_of(COUNT, asked.benchmarks) == 1


def test_an_estimate_grows_with_rounds_and_commits_and_is_of_this_machine(stored, request_of):
    ours, others, new = (
        request_of(name, results=stored.results) for name in (MACHINE, "reference", "new")
    )
    assert ours.durations[SHOW] != others.durations[SHOW]
    assert new.durations[SHOW] in (ours.durations[SHOW], others.durations[SHOW])

    def job(rounds, *commits):
        return Job("x", {SHOW: commits}, True, rounds)

    less, more, most = (seconds_of(job(*each), ours) for each in ((3, "a"), (4, "a"), (4, *"ab")))
    assert 3 * ours.durations[SHOW] < less < more < most
    assert time_text([job(1, "a")], ours) == "about 1 min"
    for path in stored.results.glob("*/*.json"):
        path.write_text("{")
    nothing = request_of(MACHINE, results=stored.results)
    assert time_text([job(1, "a")], nothing) == "time not known yet"


def test_a_full_disk_stops_before_anything_is_measured(request_of, monkeypatch):
    monkeypatch.setattr(module, "ROOM", 2**62)
    with pytest.raises(Failure, match=r"less than 1 GB is left on the disk of .*; make room, and"):
        run_job(Job("x", {SHOW: ["a"]}, True), request_of("new"))
