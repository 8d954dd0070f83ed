"""`mfbench renew`: what other versions of pinned packages change by themselves."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

import click
from asv.environment import get_environments

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.asv_plugin.environment import CONSTRAINTS, run_uv
from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.files import write_text
from mfbench.foundation.options import bench_option, rounds_option
from mfbench.foundation.paths import RENEWAL_MACHINE, RESULTS, UPSTREAM
from mfbench.measure.asv_command import ASV_CONF, configuration, configured, one_run
from mfbench.measure.jobs import Request, jobs_for, run_jobs
from mfbench.measure.profiles import PROFILES
from mfbench.measure.pythons import reason_for_none
from mfbench.measure.selection import select
from mfbench.report.compare import rendered
from mfbench.repository.build import ensure
from mfbench.repository.control import write_control
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import discover
from mfbench.results.machines import ensure_machine
from mfbench.results.reader import read_sides
from mfbench.verdict.comparison import compare
from mfbench.verdict.rows import UNKNOWN, Comparison
from mfbench.verdict.verdict import MOVED

# As make lock does, but with constraints, and without what has no wheel.
COMPILE = """pip compile pyproject.toml --quiet --universal --python-version 3.10 --no-header
    --no-annotate --no-emit-index-url --group development --group measured --group running
    --group beside --group site --no-build --constraint -"""


@click.command()
@click.argument("packages", nargs=-1, required=True, metavar="PACKAGE==VERSION...")
@bench_option
@rounds_option()
@click.option("--accept", is_flag=True, help="Pin the new versions afterwards.")
def command(packages: tuple[str, ...], bench: str | None, rounds: int | None, accept: bool) -> None:
    """Measure what other versions of pinned packages change by themselves.

    main and its control are measured with the pins of asv.conf.json and with the new ones, in turns
    in one run; then main is compared with itself. Without --bench, the profile is "default". The
    results have the machine name "renewal", are published nowhere, and last until the next renewal.

    With --accept, the new versions are written to asv.conf.json, and to constraints.txt with the
    versions that they need; all other pins stay.
    """
    today = {name: versions[0] for name, versions in configuration().matrix["req"].items()}
    given = [re.fullmatch(r"([\w.-]+)==(\d[\w.]*)", each) for each in packages]
    changed = {each[1]: each[2] for each in given if each}
    if not all(given) or changed.keys() - today:
        raise Failure(f"write PACKAGE==VERSION, with a pinned package: {', '.join(today)}")
    with NamedTemporaryFile() as file:
        constraints = Path(file.name)
        old, new = CONSTRAINTS.read_text(), renewed(constraints, changed, today | changed)
        before, after = (set(text.splitlines()) for text in (old, new))
        if before == after:
            raise Failure("these versions are pinned already; name others")
        title = " → ".join(", ".join(sorted(each)) for each in (before - after, after - before))
        compared = compare_pins(today | changed, constraints, bench, rounds)
    click.echo(f"\n{title}\n{rendered(compared, 'text', everything=True, to_file=False)}")
    judged = [row for row in compared.rows if row.failed or row.verdict not in UNKNOWN]
    if not judged:
        raise NothingMeasured("nothing was measured with both sets of pins; choose other cases")
    changes = sum(row.failed or row.verdict in MOVED for row in judged)
    found = f"{changes or 'none'} of {len(judged)} cases"
    click.echo(f"The renewal itself changes {found}, as far as this run can tell.")
    if accept:
        text = ASV_CONF.read_text(encoding="utf-8")
        for name, version in changed.items():
            text = re.sub(rf'("{name}"\s*:\s*\[\s*")[^"]+', rf"\g<1>{version}", text)
        write_text(CONSTRAINTS, new)
        write_text(ASV_CONF, text)
        click.echo("Pinned. Run make setup, then mfbench update; older results stay as they are.")


def renewed(constraints: Path, changed: Mapping[str, str], pins: Mapping[str, str]) -> str:
    """Write and return constraints.txt as the changed pins need it; all else stays as it is."""
    shutil.copy(CONSTRAINTS, constraints)
    named = [f"--upgrade-package={name}=={version}" for name, version in changed.items()]
    # Else uv renews numpy for some Pythons. For those that the suite does not support, it has to.
    kept = "".join(f"{name}=={pins[name]} ; python_version < '3.14'\n" for name in pins)
    if reason := run_uv(*COMPILE.split(), *named, f"--output-file={constraints}", stdin=kept):
        raise Failure(
            f"these versions can't be pinned ({reason}); try others, or check the network"
        )
    return constraints.read_text()


def compare_pins(
    pins: Mapping[str, str], constraints: Path, bench: str | None, rounds: int | None
) -> Comparison:
    """Measure main and its control with today's pins and with others, and compare main's sides."""
    ensure(UPSTREAM)
    benchmarks = discover()
    cases = frozenset(select(benchmarks, "default", (), bench))
    main = find_commit(UPSTREAM, "main")
    commits = (main, write_control(UPSTREAM, main))
    conf = configuration()
    # Beside the environment of the matrix; asv measures each commit with both in turn.
    conf.include = [{"python": THIS_PYTHON, "req": pins}]
    usual, other = get_environments(conf, None)
    other.constraints = constraints
    with one_run(), configured(conf) as path:
        if reason := reason_for_none(usual) or reason_for_none(other):
            raise Failure(reason)
        shutil.rmtree(RESULTS / RENEWAL_MACHINE, ignore_errors=True)
        machine = ensure_machine(RENEWAL_MACHINE)
        request = Request(machine, benchmarks, cases, rounds, options=("--config", path))
        needed = dict.fromkeys(sorted(cases), commits)
        jobs = jobs_for("with both sets of pins", needed, request, PROFILES["default"])
        run_jobs(jobs, request)
    of_main, of_control = (
        {side.environment: side for side in read_sides(RESULTS, machine, "", commit)}
        for commit in commits
    )
    base = replace(of_main[usual.name], name="today's pins")
    # The pins are what is compared, so they are no reason to refuse it.
    head = replace(of_main[other.name], name="new pins", circumstances=base.circumstances)
    # What runs a package without metaflow may have changed, too.
    judged = {name: replace(each, runs_metaflow=True) for name, each in benchmarks.items()}
    return compare(base, head, of_control[usual.name], judged, cases.__contains__)
