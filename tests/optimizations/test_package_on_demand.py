"""Code packages of runs: made where anything may ask for one, and the same when made late."""

import pytest

from optimizations.edits import DoesNotApply
from tests.optimizations.optimized_releases import NEWEST, applied, tree_of
from tests.optimizations.test_plugins_by_name import HELLO

RUN = """
from metaflow.package import MetaflowPackage

made = []
really_make = MetaflowPackage._package_and_upload

def make(package):
    made.append(package)
    really_make(package)

MetaflowPackage._package_and_upload = make
source = Path("hello.py").read_text()
Path("hello.py").write_text(source.replace("    @step", {above!r} + "    @step", 1))
run("run", *{options!r})
print("made", len(made))
"""
OWN_DECORATOR = """
from metaflow import user_step_decorator

@user_step_decorator
def around(step_name, flow, inputs=None, attributes=None):
    yield

"""


def made_in_run(python, side, above="", options=(), before_flow="", setting=""):
    script = HELLO.replace("\nclass Hello", f"{before_flow}\nclass Hello")
    script = setting + script + RUN.format(above=above, options=options)
    output = python(NEWEST, side, script)
    assert "status None" in output or "status 0" in output or "Done!" in output
    return int(output.split()[-1])


@pytest.mark.parametrize(
    "options", [(), ("--with", "retry"), ("--with", "environment:vars={}"), ("--with", "card")]
)
def test_nothing_is_packed_for_a_run_that_never_asks(python, options):
    assert made_in_run(python, "before", options=options) == 1
    assert made_in_run(python, "after", options=options) == 0


def test_what_may_use_a_package_has_it_made_at_once(python):
    uploaded = "import os\nos.environ['METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE'] = '1'\n"
    for arguments in (
        {"setting": uploaded},
        {"before_flow": OWN_DECORATOR, "above": "    @around\n"},
    ):
        assert made_in_run(python, "before", **arguments) == 1
        assert made_in_run(python, "after", **arguments) == 1


LATE = """
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.package import MetaflowPackage
from metaflow.package.at_first_use import PackageAtFirstUse, code_package
import tarfile, threading

sys.argv = ["hello.py"]
flow = runpy.run_path("hello.py")["Hello"](use_cli=False)
environment = MetaflowEnvironment(flow)

def members(package):
    with tarfile.open(fileobj=__import__("io").BytesIO(package.blob)) as archive:
        return sorted(archive.getnames())
"""


def test_a_package_made_late_is_the_same(python):
    script = """
late = code_package(flow, environment, print)
print(type(late).__name__, isinstance(late, MetaflowPackage), "_blob" in vars(late))
at_once = MetaflowPackage(flow, environment, print)
print(members(late) == members(at_once), "hello.py" in members(late))
print(repr(late.package_url()), repr(late.package_sha()), hasattr(late, "nonesuch"))
print(late.package_metadata == at_once.package_metadata)
"""
    assert python(NEWEST, "after", HELLO + LATE + script).splitlines() == [
        "PackageAtFirstUse True False",
        "True True",
        "'' '' False",
        "True",
    ]


def test_it_is_made_once_however_many_ask(python):
    script = """
began = []
really_begin = MetaflowPackage.__init__

def begin(package, *arguments, **options):
    began.append(package)
    if len(began) == 1:
        raise OSError("not yet")
    really_begin(package, *arguments, **options)

MetaflowPackage.__init__ = begin
late = code_package(flow, environment, print)
try:
    late.blob
except OSError as problem:
    print(problem)
asking = [threading.Thread(target=lambda: late.blob) for _ in range(8)]
for each in asking:
    each.start()
for each in asking:
    each.join()
print(len(began), len(late.blob) > 0)
"""
    assert python(NEWEST, "after", HELLO + LATE + script) == "not yet\n2 True\n"


def test_a_decorator_for_other_machines_has_it_made_at_once(python):
    flow = HELLO.replace("import FlowSpec", "import kubernetes, FlowSpec")
    script = "print(type(code_package(flow, environment, print)).__name__)\n"
    late = flow + LATE + script
    assert python(NEWEST, "after", late) == "PackageAtFirstUse\n"
    at_once = late.replace("    @step", "    @kubernetes\n    @step", 1)
    # A thread packs it, and may tell before the end that there is no client: no part of the answer.
    at_once = at_once.replace("environment, print)", "environment, lambda *_, **__: None)")
    assert python(NEWEST, "after", at_once) == "MetaflowPackage\n"


def test_other_environments_have_it_made_at_once(python):
    script = """
class Another(MetaflowEnvironment):
    pass

print(type(code_package(flow, Another(flow), print)).__name__)
"""
    assert python(NEWEST, "after", HELLO + LATE + script) == "MetaflowPackage\n"


@pytest.mark.parametrize(
    ("version", "reason"),
    [("2.15.0", "makes the package before the run goes on"), ("2.10.4", "makes the package")],
)
def test_releases_that_pack_before_they_run_are_refused(series, version, reason):
    with pytest.raises(DoesNotApply, match=reason):
        applied("package_on_demand", tree_of(series, version))
