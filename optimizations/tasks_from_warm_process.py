"""Add a setting to fork tasks from a process that has loaded Metaflow.

Each task of a local run is a new Python process that imports Metaflow, and what the flow imports,
before it does anything. A wide foreach of short tasks pays for little else. Root cause: the runtime
can only execute its command line.

What changes: with METAFLOW_RUNTIME_FORK=1 (Linux, Python 3.9 or newer), `run` and `resume` first
start a fork server: one more process, `python -c`, with the environment, working directory, process
group and signal mask of a task. It loads what
the runtime has loaded of Metaflow, and the modules that METAFLOW_RUNTIME_FORK_PRELOAD names
(`pandas,sklearn`), but nothing of the flow. The runtime sends it the arguments and the pipes of
each task. It forks twice, so that the task becomes a child of the runtime, which waits for it,
reads it and kills it as before. The task executes the flow's file in `__main__`. The runtime
records `"forked": true` among a forked task's metadata in the datastore (`runtime`, beside
`return_code`). A task is started as before if a decorator changed its interpreter, its command
(`step`) or any variable of its environment, if folder, group or signal mask of the runtime have
changed, and from the first error or missing answer on, which the run prints.

Reproduce: `time python flow.py run` of a foreach over 50 trivial tasks, with
METAFLOW_RUNTIME_FORK=1 and without. With `import pandas` in the flow, set
METAFLOW_RUNTIME_FORK_PRELOAD=pandas too.

Could fail:

- The process is killed or stopped, or a fork fails: after METAFLOW_RUNTIME_FORK_TIMEOUT (30)
  seconds, or at once if it has ended, the runtime kills it and starts this task and all later ones
  itself. No task runs twice: a forked one waits until the runtime has taken it for its child, and
  ends if its stdin is closed instead. Running tasks do not depend on the process.
- A preloaded module leaves threads behind, which do not survive a fork, but whose locks do: it is
  refused. So is one that can't be imported, ends the process, or imports `metaflow.cli`, which
  takes its options from the flow. The run says so, and goes on with a process that preloads
  nothing. The pool of OpenBLAS (numpy), which ends for each fork and starts again when it is used,
  is no obstacle.
- Tasks share what a preloaded module makes when it is imported: a connection, a temporary folder, a
  random generator. `random` seeds itself after a fork, and numpy's generator is seeded. Preload
  libraries only.
- A task ends, and what it wrote is still in a buffer: what was loaded before the fork is exempt
  from garbage collection (`gc.freeze`), also at exit, and so is what that refers to, such as a file
  of the flow that nobody closed. If any object made after the fork has something to do at its end
  (`__del__`, which files have), the exemption is lifted first.
- Somebody handles SIGCHLD, or the flow is no `.py` file started by this Python: nothing is forked.
- The code package is uploaded for a local run (METAFLOW_FEAT_ALWAYS_UPLOAD_CODE_PACKAGE): tasks see
  variables that the process has not, so they are started. `.runtime` says which were forked.

To go back: remove the setting. Nothing else is stored.

Price: none without the setting. With it, `ps` and `pkill -f` see the tasks as `python -c ...
flow.py`, the stack has one more frame below the flow's, `__main__.__loader__` is another one, the
main thread's `native_id` is not the process's id, all tasks of a run have one hash seed, and
what preloaded modules print is in no log. METAFLOW_RUN_ID is empty while modules are preloaded. A
run of one step may be slower. A step with `@environment`, `@conda` or `@pypi` gains nothing.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("forked.Foreach.time_run(50)", "foreach of 50 tasks, with METAFLOW_RUNTIME_FORK=1"),
    Claim("forked.ForeachPandas.time_run(20)", "foreach of 20 tasks, with pandas preloaded"),
    Claim("forked.Run.time_hello", "`flow.py run`, two steps, with METAFLOW_RUNTIME_FORK=1"),
    Claim("forked.Task.track_instructions", "instructions of a forked task"),
    Claim("forked.Memory.track_tasks", "memory of 16 forked tasks"),
)
TARGET = Target(
    "each task of a local run starts Python and imports everything anew",
    claimed="metaflow #127",
    case="forked.Foreach.time_run(50)",
    at_least=6.5,
    finding="That goal is against the release; this row compares with the commit below.",
    reported=True,
)

BESIDE = 'FEAT_ALWAYS_UPLOAD_CODE_PACKAGE = from_conf("FEAT_ALWAYS_UPLOAD_CODE_PACKAGE", False)'
SETTINGS = """
# Fork local tasks from a process that has loaded Metaflow and these modules ("a,b")
RUNTIME_FORK = from_conf("RUNTIME_FORK", False)
RUNTIME_FORK_PRELOAD = from_conf("RUNTIME_FORK_PRELOAD", "")
RUNTIME_FORK_TIMEOUT = from_conf("RUNTIME_FORK_TIMEOUT", 30)
"""
CONFIG = """\
from ..metaflow_config import (
    DEFAULT_DECOSPECS,
    FEAT_ALWAYS_UPLOAD_CODE_PACKAGE,
{}    SPIN_PERSIST,
)
"""
OPTION = "    RUNTIME_FORK,\n"
VALIDATE = "validate_tags(tags)"
START = """

if RUNTIME_FORK and not obj.is_spin:
    from ..warm_process import WarmProcess

    Task.warm_process = WarmProcess(obj.entrypoint, obj.logger)
"""
MAPPING = "clone_pathspec_mapping = {}"
DEBUG = "debug.subcommand_exec(cmdline)"
FORK = """
if self.task.warm_process is not None:
    forked_task = self.task.warm_process.fork(args, env)
    if forked_task is not None:
        return forked_task
"""
RECORD = """{
        "return_code": returncode,
        "killed": self.killed,
        "success": returncode == 0,
    }"""
RECORD_WITH = f"""{RECORD[:-1]}\
    **getattr(self._proc, "metadata", {{}}),
    }}"""


def apply(tree: SourceTree) -> None:
    """Add the settings and the process, and let the runtime ask it for tasks."""
    config = tree["metaflow/metaflow_config.py"]
    config.replace_statement(within=None, find=BESIDE, by=BESIDE + SETTINGS)
    commands = tree["metaflow/cli_components/run_cmds.py"]
    commands.replace_statement(within="before_run", find=VALIDATE, by=VALIDATE + START)
    commands.replace_statement(within=None, find=CONFIG.format(""), by=CONFIG.format(OPTION))
    commands.add_import("from ..runtime import Task")
    runtime = tree["metaflow/runtime.py"]
    runtime.replace_statement(within="Task", find=MAPPING, by=f"{MAPPING}\nwarm_process = None")
    runtime.replace_statement(within="Worker._launch", find=DEBUG, by=DEBUG + FORK)
    runtime.replace_expression(RECORD, by=RECORD_WITH)
    tree.insert("metaflow/warm_process.py")
    tree.insert("test/unit/test_warm_process.py")
