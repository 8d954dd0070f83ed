"""Lists, dicts and modules whose content is loaded when it is first asked for."""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP006, UP035, UP045
import importlib
import importlib.machinery
import importlib.util
import sys
import threading
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, Optional, Tuple

_filling = threading.Lock()
# Methods of a list or dict that neither read nor change its content.
_INDEPENDENT = ("__new__", "__init__", "__getattribute__", "__sizeof__", "__class_getitem__")


def _filled_first(kind: type, name: str) -> Callable[..., Any]:
    """Return a method of `list` or `dict` that fills the object before it is used."""
    method = getattr(kind, name)

    def filled_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self._make is not None:
            self._fill()
        for other in args:
            # What is written in C reads another list or dict without asking it.
            if isinstance(other, (LazyList, LazyDict)):
                other._fill()
        return method(self, *args, **kwargs)

    filled_first.__name__ = name
    filled_first.__doc__ = method.__doc__
    return filled_first


def _methods_of(kind: type) -> Dict[str, Callable[..., Any]]:
    return {
        name: _filled_first(kind, name)
        for name, method in vars(kind).items()
        if callable(method)
        and name not in _INDEPENDENT
        and not isinstance(method, classmethod)
        # A class method: it makes a new dict.
        and name != "fromkeys"
    }


class LazyList(list):
    """A list whose items a function gives when anything first looks at it.

    From then on it is an ordinary list. The function may run more than once when threads look at
    the same moment; the first result stays.
    """

    _make: Optional[Callable[[], Iterable[Any]]]

    locals().update(_methods_of(list))

    def __init__(self, make: Callable[[], Iterable[Any]]) -> None:
        super().__init__()
        self._make = make

    def _fill(self) -> None:
        if self._make is not None:
            # Imports run here: no lock may be held.
            items = list(self._make())
            with _filling:
                if self._make is not None:
                    list.extend(self, items)
                    self._make = None

    def __radd__(self, other: Any) -> Any:
        self._fill()
        # Adding it is the other's business, now that there is something to add.
        return NotImplemented

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return list, (list(self),)


class LazyDict(dict):
    """A dict whose items a function gives when anything first looks at it; see `LazyList`."""

    _make: Optional[Callable[[], Dict[Any, Any]]]

    locals().update(_methods_of(dict))

    def __init__(self, make: Callable[[], Dict[Any, Any]]) -> None:
        # Not empty: the C part of `json` asks an empty dict nothing more.
        super().__init__({None: None})
        self._make = make

    def _fill(self) -> None:
        if self._make is not None:
            items = dict(self._make())
            with _filling:
                if self._make is not None:
                    dict.clear(self)
                    dict.update(self, items)
                    self._make = None

    @classmethod
    def fromkeys(cls, iterable: Any, value: Any = None) -> Dict[Any, Any]:
        """Return a new dict."""
        return dict.fromkeys(iterable, value)

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return dict, (dict(self),)


# To who asks for a type by name, as the generator of stubs does, they are what they stand for.
for _kind, _name in ((LazyList, "list"), (LazyDict, "dict")):
    _kind.__module__, _kind.__name__, _kind.__qualname__ = "builtins", _name, _name


def lazy_module(name: str) -> ModuleType:
    """Return a module that is executed when anything of it is first asked for.

    An `import` statement asks, and so does `vars`. What does not come from a file, such as a
    module that an extension puts in the place of metaflow's, is imported now.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        return importlib.import_module(name)
    loader = importlib.util.LazyLoader(spec.loader)
    spec.loader = loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module
