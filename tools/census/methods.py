"""Methods that objects keep: ``self.kernel = self._linear``, ``partial(self._step)``, ``m.forward = m.forward_fuse``.

A pickler writes such a method as ``getattr(object, name)``. Fetching it runs nothing if *name* is a plain function of
the class, and the class has no ``__getattribute__``. Only names that a library's own text keeps without a call are
listed, for all its classes that have such a method: the table has room for no more.
"""

from __future__ import annotations

import inspect
import re
import types
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_KEEPS = re.compile(
    r"^[ \t]*(?:\w+\.\w[\w.]*(?:\[[^\]\n]*\])?[ \t]*=(?!=)|.*\b(?:partial|setdefault|connect)\(\s*).*$", re.MULTILINE
)
"""Lines that set an attribute of an object, or keep what they are given."""
_FETCHED = re.compile(r"\.(\w+)\b(?![\w.(\[]|[ \t]*=)")


def fetched(texts: Iterable[str]) -> frozenset[str]:
    """Return the names of attributes that *texts* of modules keep without calling them."""
    found = {name for text in texts for line in _KEEPS.findall(text) for name in _FETCHED.findall(line)}
    return frozenset(name for name in found if not (name.startswith("__") and name.endswith("__")))


def kept_by(cls: type, names: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield each plain method of *cls* that is among *names*, with the full name of the function."""
    if "__getattribute__" in {name for one in cls.__mro__[:-1] for name in one.__dict__}:
        return
    for name in sorted(names & set(dir(cls))):
        value = inspect.getattr_static(cls, name)
        function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
        if isinstance(function, types.FunctionType):
            yield name, f"{function.__module__}.{function.__qualname__}"
