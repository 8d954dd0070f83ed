"""New code of `lazy_plugins`: it goes into metaflow as it stands here."""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP006, UP007, UP035, UP045
from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple, Union

from optimizations.lazy_loading import LazyDict, LazyList

# What the changed modules have already, and the code below uses.
_plugin_categories: Dict[str, Optional[Callable[[Any], str]]] = {}


def get_plugin(category: str, class_path: str, name: str) -> Any:
    """Load one plugin."""


def resolve_plugins(category: str, path_only: bool = False) -> Any:
    """Return the enabled plugins of a category, or where they are."""


def _base_step_decorator(decotype: Any, *args: Any, **kwargs: Any) -> Any:
    pass


def _base_flow_decorator(decofunc: Any, *args: Any, **kwargs: Any) -> Any:
    pass


def lazy_plugins(category: str) -> Union[LazyList, LazyDict]:
    """Return what `resolve_plugins` returns, loaded when anything first looks at it."""
    # What was asked for and does not exist is reported now, as ever.
    resolve_plugins(category, path_only=True)
    kind = LazyDict if _plugin_categories[category] is None else LazyList
    return kind(partial(resolve_plugins, category))


def plugin_loaders(category: str) -> Dict[str, Callable[[], Any]]:
    """Return, by name, a function for each enabled plugin of a category that loads it."""
    return {
        name: partial(get_plugin, category, class_path, name)
        for name, class_path in resolve_plugins(category, path_only=True).items()
    }


def plugin_names(category: str, plugins: Any) -> Tuple[str, ...]:
    """Return the names of the plugins in a list of `lazy_plugins`; loads none of them."""
    if getattr(plugins, "_make", None) is not None:
        return tuple(resolve_plugins(category, path_only=True))
    name_of = _plugin_categories[category]
    if name_of is None:
        return tuple(plugins)
    return tuple(name_of(plugin) for plugin in plugins)


class _DecoratorOfPlugin(partial):
    """`partial(prototype, decotype)`, whose decorator type is loaded when it is first needed."""

    _load: Callable[[], Any]

    def __new__(
        cls, prototype: Callable[..., Any], load: Callable[[], Any]
    ) -> "_DecoratorOfPlugin":
        self = super().__new__(cls, prototype)
        self._load = load
        return self

    @property
    def args(self) -> Tuple[Any, ...]:
        return (self._load(),)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.func(self._load(), *args, **kwargs)

    def __reduce__(self) -> Tuple[Any, ...]:
        return partial, (self.func, *self.args)

    def __repr__(self) -> str:
        return repr(partial(self.func, *self.args))


def _load_plugins() -> None:
    # What is loaded at first use is described like the rest.
    from metaflow import cards, plugins

    for plugin_list in list(vars(plugins).values()):
        if isinstance(plugin_list, (list, dict)):
            len(plugin_list)
    dir(cards)


def _import_plugin_decorators(globals_dict: Dict[str, Any]) -> None:
    from metaflow.extension_support.plugins import plugin_loaders

    # Plain functions, for a decorator may stand with arguments and without them.
    for name, load in plugin_loaders("step_decorator").items():
        globals_dict[name] = _DecoratorOfPlugin(_base_step_decorator, load)

    for name, load in plugin_loaders("flow_decorator").items():
        globals_dict[name] = _DecoratorOfPlugin(_base_flow_decorator, load)
