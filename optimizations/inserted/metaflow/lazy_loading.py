"""Lists, dicts and modules whose content is loaded when it is first asked for."""

import importlib
import importlib.machinery
import importlib.util
import sys
import threading
from contextlib import ExitStack
from types import ModuleType
from typing import Any, Callable, Dict, Iterable, Optional, Tuple

_filling = threading.Lock()
# Methods of a list or dict that neither read nor change its content.
_INDEPENDENT = (
    "__new__",
    "__init__",
    "__getattribute__",
    "__sizeof__",
    "__class_getitem__",
)


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


class _LazyModule(ModuleType):
    """A module that is executed when anything of it is first read, set or deleted."""

    # No `super()`: what executes it makes it an ordinary module.

    def __getattribute__(self, name: str) -> Any:
        _execute(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _execute(self)
        ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _execute(self)
        ModuleType.__delattr__(self, name)


# importlib's own lock of the import of one module. Python has no public one, and a lock of ours
# could make threads wait for each other for ever: one executes the lazy module and waits to import
# another, which a second thread imports and which asks for the lazy one. importlib knows which
# thread waits for which of its locks. Were it gone, the lock would be one that can't tell, as that
# of `importlib.util.LazyLoader` (which lets threads see half a module before Python 3.12).
_executing = threading.RLock()
_bootstrap: Any = getattr(importlib, "_bootstrap", None)
_import_lock: Callable[[str], Any] = getattr(
    _bootstrap, "_ModuleLockManager", lambda name: _executing
)


def _execute(module: Any) -> None:
    """Execute a lazy module, unless it was; wait for another thread that does.

    If that fails, the next who asks executes it anew, as the next import would.
    """
    spec: Any = ModuleType.__getattribute__(module, "__spec__")
    with ExitStack() as held:
        try:
            held.enter_context(_import_lock(spec.name))
        except RuntimeError:
            # That thread waits for this one: as in any import, what is there by now must do.
            return
        # A module that is being executed asks for itself, too.
        if type(module) is not _LazyModule or spec.loader_state == "executing":
            return
        spec.loader_state = "executing"
        try:
            spec.loader.exec_module(module)
            ModuleType.__setattr__(module, "__class__", ModuleType)
        finally:
            spec.loader_state = None


def lazy_module(name: str) -> ModuleType:
    """Return a module that is executed when anything of it is first asked for.

    An `import` statement asks, and so does `vars`. What does not come from a file, such as a
    module that an extension puts in the place of metaflow's, is imported now.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    of_a_file = importlib.machinery.SourceFileLoader
    if spec is None or not isinstance(spec.loader, of_a_file):
        return importlib.import_module(name)
    module: Any = importlib.util.module_from_spec(spec)
    module.__class__ = _LazyModule
    sys.modules[name] = module
    return module
