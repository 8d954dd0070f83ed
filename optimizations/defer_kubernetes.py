"""Load the Kubernetes client when a pod is launched, not when metaflow is imported.

Every step decorator is loaded with metaflow, `@kubernetes` too, and with it the modules that
launch and watch pods: the client, jobs and job sets. Only a run on Kubernetes uses them.

What changes: the decorator imports the exception that it raises where it raises it, and the
launcher imports the client where it makes one. The `kubernetes` package itself was loaded late
before.

How to measure: `instructions.Command` for `import metaflow`. Nearly all of what a profile shows
below these modules is the YAML library that they share with others, and stays until the others
defer it too.

Risk: code that reads `KubernetesClient` from `kubernetes.py`, or `KubernetesException` from the
decorator's module, no longer finds it there; both are where they are defined.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "Kubernetes clients",
    claimed="50 ms, saves ~48 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.1,
    finding="The client is small: most of what a profile shows below it is the YAML library.",
)

FOLDER = "metaflow/plugins/kubernetes"


def apply(tree: SourceTree) -> None:
    """Defer the client in the launcher, and the launcher in the decorator."""
    tree[f"{FOLDER}/kubernetes.py"].defer_import("KubernetesClient")
    tree[f"{FOLDER}/kubernetes_decorator.py"].defer_import("KubernetesException")
