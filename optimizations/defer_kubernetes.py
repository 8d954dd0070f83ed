"""Import the Kubernetes client only when a pod is launched.

`import metaflow` loads `@kubernetes`. Root cause: `@kubernetes` takes one exception from
`kubernetes.py`, the launcher, which imports the client at its top, and with it the modules for jobs
and job sets. Only a run on Kubernetes uses them. The `kubernetes` package itself was already
imported late.

What changes: the decorator takes the exception from `kube_utils`, where it is defined, and the
launcher imports the client in the two functions that make a client.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep kubernetes_client` prints a line
before, and nothing after. Most of its time is the YAML library's, which others import too.

Could fail:

- A circular import, or a missing package, would show only at the launch: the two modules do not
  import each other.
- Code that reads `kubernetes.KubernetesClient` no longer finds it there; it is where it is defined,
  in `kubernetes_client`. None of metaflow's modules or tests reads it there.

Price: the first launch of a process pays for the import instead.
"""

from optimizations.edits import Claim, SourceTree, Target, guard_import

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "Kubernetes clients",
    claimed="50 ms, saves ~48 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.1,
    finding="The client is small: most of what a profile shows below it is the YAML library.",
)

FOLDER = "metaflow/plugins/kubernetes"
EXCEPTION = "from .kubernetes import KubernetesException"
UTILITIES = "from .kube_utils import validate_kube_labels, parse_kube_keyvalue_list"


def apply(tree: SourceTree) -> None:
    """Defer the client in the launcher, and the launcher in the decorator."""
    launcher = tree[f"{FOLDER}/kubernetes.py"]
    launcher.defer_import("KubernetesClient")
    decorator = tree[f"{FOLDER}/kubernetes_decorator.py"]
    if launcher.has("KubernetesException"):
        # Older releases define it in the launcher.
        decorator.defer_import("KubernetesException")
    else:
        decorator.replace_statement(within=None, find=EXCEPTION, by="")
        names = "KubernetesException, validate_kube_labels, parse_kube_keyvalue_list"
        wrapped = ",\n    ".join(names.split(", "))
        decorator.replace_statement(
            within=None, find=UTILITIES, by=f"from .kube_utils import (\n    {wrapped},\n)"
        )
        tree.insert("test/unit/test_kubernetes_client.py")
    guard_import(tree, "metaflow.plugins.kubernetes.kubernetes_client")
