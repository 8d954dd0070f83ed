"""New code of `defer_requests`: it goes into metaflow as it stands here."""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP035, UP045
import threading
from typing import Any, Callable, Optional


class _MadeAtFirstUse:
    """A class attribute made by a function when it is first read, once for all subclasses."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made = None
        self._lock = threading.Lock()

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner
        self._name = name

    def __get__(self, instance: object, owner: Optional[type] = None) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            # From now on the class holds the made object itself.
            if self._owner.__dict__.get(self._name) is self:
                setattr(self._owner, self._name, self._made)
        return self._made
