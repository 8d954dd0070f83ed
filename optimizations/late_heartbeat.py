"""Start heartbeats after five seconds, in a process that skips metaflow.

With the metadata service, each task and each run starts a process that tells the service every ten
seconds that they are alive. Root cause: the process starts as a task begins, however short the task
is, and it is a sidecar, which imports all of metaflow to make one small request. For a short task
this costs about as much as the task itself, and is of no use: the service counts the creation of a
task or a run as its first heartbeat, and takes the next one ten seconds later.

What changes: a timer starts the process after five seconds, unless the task or the run has ended.
The process is a script that imports nothing of metaflow. The task makes the request ready, and the
script sends it by itself, for even `http.client` takes longer to import than Python takes to start.
Where plain HTTP is not enough (TLS, a proxy, a redirection, a gateway that refuses HTTP/1.0), the
script imports requests. The
service's version is no longer asked for, which is a request less per task.

Reproduce: with a metadata service, count heartbeat processes. Before: one per task, and one for the
run. After: none, if the run ends within five seconds.

    strace -f -e trace=execve -o calls python myflow.py run; grep -c heartbeat calls

Could fail:

- A task is killed or fails: the script's standard input ends, and the script, as the sidecar did.
- The task forks while the timer waits: only the task has the timer, which holds no lock that the
  child could need. Python 3.12 and later warn of such forks, if the flow's own file forks.
- A retry starts with the last heartbeat of the attempt before: its first one now comes after five
  seconds, not after one.
- The service takes a connection and never answers: a request ends after ten seconds and is tried
  again. Before, the heartbeats of this task had ended.
- A task that keeps Python's lock for minutes, in a library, before its first heartbeat: that comes
  late, and the service may take the task for dead. The script has the environment and the folder
  that the task has by then.
- An extension replaces the sidecar `heartbeat`, or derives from it: its own is started.

To go back: `HEARTBEAT_DELAY = 0` starts the process at once.

Price: a service older than 2.0.4 (of 2020) has no heartbeats; it is asked again, ever more rarely.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("service.Processes.track_started(foreach of 10)", "processes of a foreach of 10"),
    Claim("service.Running.time_run(foreach of 10)", "foreach of 10 with a service"),
    Claim("service.Heartbeat.track_process", "process for heartbeats, instructions"),
)
TARGET = Target(
    "each task starts a process for its heartbeats, which imports metaflow",
    claimed="counting processes",
    case="service.Processes.track_started(foreach of 10)",
    at_least=1.3,
    reported=True,
)

PROVIDER = "ServiceMetadataProvider"
CHOOSE_SIDECAR = """
if service_version is None or version_parse(service_version) < version_parse(
    "2.0.4"
):
    self.sidecar = Sidecar("none")
else:
    self.sidecar = Sidecar("heartbeat")
"""
SET_TIMER = """
payload["headers"] = SERVICE_HEADERS
payload["plain_request"] = self._plain_heartbeat(payload[HB_URL_KEY])
# The sidecar is started when the task or the run turns out not to be a short one
self.sidecar = Sidecar("heartbeat")
self._heartbeat_timer = Timer(HEARTBEAT_DELAY, self._start_sidecar, [payload])
self._heartbeat_timer.daemon = True
self._heartbeat_timer.start()
"""
STOP = "def stop_heartbeat(self):\n    self.sidecar.terminate()\n"
STOP_TIMER = """
def stop_heartbeat(self):
    self._heartbeat_timer.cancel()
    self._heartbeat_timer.join()
    self.sidecar.terminate()

def _start_sidecar(self, payload):
    self.sidecar.start()
    self.sidecar.send(Message(MessageTypes.BEST_EFFORT, payload))

@classmethod
def _plain_heartbeat(cls, url):
    # Host, port and request for `heartbeat_script.py`, or None if plain HTTP is not enough
    from requests import Request
    from requests.utils import get_environ_proxies

    if not url.startswith("http://") or get_environ_proxies(url):
        return None
    headers = {**SERVICE_HEADERS, "Accept-Encoding": None, "Connection": "close"}
    # With what the URL or .netrc say of a user
    request = cls._session.prepare_request(Request("POST", url, headers, data="{}"))
    host = urlsplit(request.url)
    headers = {"Host": host.netloc.rpartition("@")[2], **request.headers}
    lines = ["POST %s HTTP/1.0" % request.path_url]
    lines.extend("%s: %s" % header for header in headers.items())
    parts = host.hostname, host.port or 80, "\\r\\n".join(lines)
    return ("%s %d %s\\r\\n\\r\\n{}" % parts).encode("latin-1").hex()
"""


def _script_of(worker_type):
    # Heartbeats have a script of their own, which starts sooner than metaflow is imported
    from metaflow.metadata_provider import heartbeat
    from metaflow.plugins import SIDECARS

    if SIDECARS[worker_type].get_worker() is heartbeat.MetadataHeartBeat:
        return os.path.dirname(heartbeat.__file__) + "/heartbeat_script.py"
    return os.path.dirname(__file__) + "/sidecar_worker.py"


def apply(tree: SourceTree) -> None:
    """Delay the start, and let heartbeats have a script of their own."""
    service = tree["metaflow/plugins/metadata_providers/service.py"]
    for old, new in (
        ("service_version = self.version()", ""),
        ('payload["service_version"] = service_version', ""),
        (CHOOSE_SIDECAR, ""),
        ("self.sidecar.start()", ""),
        ("self.sidecar.send(Message(MessageTypes.BEST_EFFORT, payload))", SET_TIMER),
    ):
        service.replace_statement(within=f"{PROVIDER}._start_heartbeat", find=old, by=new)
    service.replace_statement(within=PROVIDER, find=STOP, by=STOP_TIMER)
    util = "from metaflow.util import version_parse"
    delay = "HEARTBEAT_DELAY = 5  # seconds"
    service.replace_statement(within=None, find=util, by=f"{util}\n\n{delay}")
    service.add_import("from threading import Timer")
    service.add_import("from urllib.parse import urlsplit")
    sidecar = tree["metaflow/sidecar/sidecar_subprocess.py"]
    sidecar.replace_expression(
        'os.path.dirname(__file__) + "/sidecar_worker.py"', by="_script_of(self._worker_type)"
    )
    sidecar.add_definition(_script_of, before="SidecarSubProcess")
    tree.insert("metaflow/metadata_provider/heartbeat_script.py")
    tree.insert("test/unit/test_late_heartbeat.py")
