"""Cache a clean result of pylint until something that it read changes.

Where pylint is installed, each `run`, `resume` and deployment lints the flow, which costs more than
all else that a short run does. Root cause: nothing is kept of the verdict on an unchanged flow.

What changes: when pylint finds nothing, `METAFLOW_HOME/pylint` keeps a list of all that this
depends on, and a digest of it. While the digest stays the same, the next check of the flow says
"Pylint is happy!" without loading pylint. The list holds, by content, each module that pylint read
(the flow, what it imports, and what that imports), files that configure it, the versions of pylint
and astroid, and metaflow's own filter of messages. It also holds the names of modules in their
folders and in `sys.path`, and places of configurations, since new files there may count. The file's
name is a hash of what else matters: the flow's path, options, the folder, `sys.path`, the version
of Python and extensions. A verdict that is not good is never kept.

Reproduce: where pylint is installed, `time python flow.py run`, twice. Before, the second run takes
as long as the first; after, as long as one with `--no-pylint`.

Could fail:

- A file changes while pylint reads it: nothing is kept if a file or a folder of the list changed
  after pylint began.
- pylint reads files that metaflow does not learn of: nothing is kept if the flow itself is not
  among the modules that astroid remembers (pylint used several processes), if a plugin is loaded,
  or if a hook of the configuration changed `sys.path` or the environment.
- The kept file is damaged, or can't be written, or pylint is removed or updated: as before.

To go back: deleting `METAFLOW_HOME/pylint` lets the next run lint again.

Price: each run reads the modules that pylint read; a small file stays for each flow and folder.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("scheduler.RunWithPylint.time_second", "second run where pylint is installed"),
    Claim("scheduler.Lint.track_second", "process of a second run where pylint is installed"),
)
TARGET = Target(
    "where pylint is installed, each run begins by checking the flow with it",
    claimed="metaflow #1394 (which asks for Ruff instead)",
    case="scheduler.Lint.track_second",
    at_least=3,
    reported=True,
)


def _verdict_path(*told):
    # The file for a verdict on what pylint is told. What it read is listed inside.
    told += (os.getcwd(), sys.path, sys.version, os.path.expanduser("~"))
    told += (os.environ.get("PYLINTRC"), sorted(get_aliased_modules()))
    home = os.path.expanduser(os.environ.get("METAFLOW_HOME", "~/.metaflowconfig"))
    return os.path.join(home, "pylint", sha1(repr(told).encode("utf-8")).hexdigest())


def _digest(paths):
    # Digest what files hold, and the names of the modules in folders.
    digest = sha1()
    for path in paths:
        if os.path.isdir(path):
            names = set(os.listdir(path)) - {"__pycache__"}
            modules = re.compile(r"[^.]+|.*\.(py|pyi|so)").fullmatch
            content = repr(sorted(filter(modules, names))).encode("utf-8")
        elif os.path.exists(path):
            with open(path, "rb") as f:
                content = f.read()
        else:
            digest.update(b"missing")
            continue
        digest.update(b"%d:%s" % (len(content), content))
    return digest.hexdigest()


def pylint_was_happy(fname, warnings, pylint_config):
    """Return whether pylint was happy when it was told, and read, the same."""
    try:
        with open(_verdict_path(fname, warnings, pylint_config)) as f:
            paths, digest = json.load(f)
        return _digest(paths) == digest
    except Exception:
        return False


def _keep_verdict(path, fname, run, start):
    # Keep that pylint is happy, with all that this depends on, unless it isn't known.
    from astroid.manager import AstroidManager

    modules = AstroidManager().astroid_cache.values()
    files = {f for m in modules for f in [m.file, *(m.path or [])] if f}
    if os.path.realpath(fname) not in map(os.path.realpath, files):
        return  # another process read it
    if run.linter._dynamic_plugins:
        return  # plugins may read anything
    folders = {os.path.dirname(f) for f in files} | {p or "." for p in sys.path}
    depends = files | folders | {__file__, str(run._rcfile)}
    depends |= {sys.modules[m + ".__pkginfo__"].__file__ for m in ("pylint", "astroid")}
    # where a configuration may appear
    depends |= {"/etc/pylintrc", os.environ.get("PYLINTRC", "")}
    depends |= {os.path.expanduser(f) for f in ("~/.pylintrc", "~/.config/pylintrc")}
    names = ["pylintrc", ".pylintrc", "pylintrc.toml", ".pylintrc.toml", "tox.ini"]
    names += ["pyproject.toml", "setup.cfg", "__init__.py", ".git", ".hg"]
    for near in (Path.cwd() / "_", Path(fname).absolute()):
        depends |= {str(folder / name) for folder in near.parents for name in names}
    depends = sorted(depends)
    digest = _digest(depends)
    if any(os.stat(d).st_ctime >= start for d in depends if os.path.exists(d)):
        return  # changed since pylint began, maybe after it was read
    with open(path, "w") as f:
        json.dump([depends, digest], f)


def apply(tree: SourceTree) -> None:
    """Ask for a kept verdict before pylint is loaded, and keep a good one."""
    wrapper = tree["metaflow/pylint_wrapper.py"]
    for new in (_verdict_path, _digest, pylint_was_happy, _keep_verdict):
        wrapper.add_definition(new, before="PyLint")
    for name in ("import json", "import os", "import time", "from pathlib import Path"):
        wrapper.add_import(name)
    wrapper.add_import("from hashlib import sha1")
    wrapper.replace_statement(
        within="PyLint.run",
        find="self._run(args, None, False)",
        by="""
        told = (self._fname, warnings, pylint_config)
        verdict = _verdict_path(*told)
        try:
            # before `start`: the folder may be among those that must not change
            os.makedirs(os.path.dirname(verdict), exist_ok=True)
        except OSError:
            pass  # pylint runs again next time
        start = time.time()
        run = self._run(args, None, False)
        """,
    )
    wrapper.replace_statement(
        within="PyLint.run",
        find="return pylint_is_happy, pylint_exception_msg",
        by="""
        try:
            if pylint_is_happy and verdict == _verdict_path(*told):
                _keep_verdict(verdict, self._fname, run, start)
        except Exception:
            pass  # pylint runs again next time
        return pylint_is_happy, pylint_exception_msg
        """,
    )
    cli = tree["metaflow/cli.py"]
    cli.add_import("from .pylint_wrapper import pylint_was_happy")
    cli.replace_statement(
        within="_check",
        find="pylint = PyLint(fname)",
        by="""
        if pylint_was_happy(fname, warnings, environment.pylint_config()):
            echo("Pylint is happy!", fg="green", bold=True, indent=True)
            return
        pylint = PyLint(fname)
        """,
    )
    tree.insert("test/unit/test_keep_pylint_verdict.py")
