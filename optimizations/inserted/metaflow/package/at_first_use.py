"""Code packages that are made when they are first asked for."""

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Optional

from metaflow import R
from metaflow.decorators import FlowDecorator, StepDecorator
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.package import MetaflowPackage

if TYPE_CHECKING:
    from metaflow.flowspec import FlowSpec

# What a decorator does to a package, or with one.
_STEP_HOOKS = (
    "package_init",
    "package_init_ctx",
    "add_to_package",
    "runtime_init",
    "runtime_init_ctx",
)
_FLOW_HOOKS = ("add_to_package",)


def code_package(
    flow: "FlowSpec", environment: MetaflowEnvironment, echo: Callable[..., Any], **options: Any
) -> MetaflowPackage:
    """Return the code package of a run, made now where anything may ask for it."""
    local = options.get("flow_datastore") is None and not _may_be_asked_for(flow, environment)
    kind = PackageAtFirstUse if local else MetaflowPackage
    return kind(flow, environment, echo, **options)


def _may_be_asked_for(flow: "FlowSpec", environment: MetaflowEnvironment) -> bool:
    if type(environment) is not MetaflowEnvironment or R.use_r() or flow._flow_mutators:
        return True
    for decorators in flow._flow_decorators.values():
        if any(_has_hooks(each, FlowDecorator, _FLOW_HOOKS) for each in decorators):
            return True
    return any(
        getattr(step, "config_decorators", None)
        or getattr(step, "wrappers", None)
        or any(_has_hooks(each, StepDecorator, _STEP_HOOKS) for each in step.decorators)
        for step in flow
    )


def _has_hooks(decorator: Any, base: type, hooks: "tuple[str, ...]") -> bool:
    # The decorators of an extension may reach the package by ways of their own.
    return not type(decorator).__module__.startswith("metaflow.plugins.") or any(
        getattr(type(decorator), hook, None) is not getattr(base, hook, None) for hook in hooks
    )


class PackageAtFirstUse(MetaflowPackage):
    """A code package that begins to be made when anything of it is first asked for."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._beginning = threading.RLock()
        self._begin: Optional[Callable[[], None]] = partial(super().__init__, *arguments, **options)

    def __getattr__(self, name: str) -> Any:
        # Called for what is not there: everything until it begins.
        with self._beginning:
            begin, self._begin = self._begin, None
            if begin is not None:
                try:
                    begin()
                except BaseException:
                    self._begin = begin
                    raise
        return object.__getattribute__(self, name)
