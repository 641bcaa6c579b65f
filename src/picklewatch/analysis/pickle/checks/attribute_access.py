"""Attributes fetched and set while loading: ``getattr``, ``setattr``, ``operator.getitem``.

A chain of ``getattr`` leads from any class to ``__globals__`` and to ``os.system`` (the escapes from "sandboxed"
unpicklers); ``setattr`` replaces methods of classes for the whole process. Honest picklers fetch nested classes and
members of enumerations (``Lib/pickle.py``, ``save_global``; ``Lib/enum.py``, ``__reduce_ex__``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, suspicious_arguments
from picklewatch.analysis.pickle.semantics.data import class_of
from picklewatch.analysis.pickle.semantics.restored_objects import attributes_of
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.classes.profiles import ClassKind, Hook
from picklewatch.catalogue.imports import denied
from picklewatch.catalogue.imports.classify import looks_like_class
from picklewatch.catalogue.imports.entries import Check, Kind, Status, Use
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Value

_MEMBER = re.compile(r"[A-Z][A-Z0-9_]*\Z")


_BUILTINS = {"builtins", "__builtin__"}


_PURE_TYPES = {"str", "list", "dict", "tuple", "set", "frozenset", "int", "float", "bytes", "unicode"}


def fetch(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Check ``getattr(object, 'name')``: the name, and the object that it is fetched of."""
    values = values_of(args)
    if not 2 <= len(values) <= 3 or not isinstance(values[1], str):
        return Concern("dotted-import", Level.UNSAFE, "getattr is called with a name that is not in the file as such")
    target, name = values[0], values[1]
    if (
        name in denied.DUNDERS
        or name in denied.FUNCTIONS
        or name.strip("_") in denied.ALIASES
        or name in {"eval", "exec"}
    ):
        return Concern("code-execution", Level.MALICIOUS, f"getattr fetches {name}, which leads to running code")
    if name.startswith("__") or not name.isidentifier():
        return Concern("dotted-import", Level.UNSAFE, f"getattr fetches the internal attribute {name}")
    return _fetch_of(context, callee, target, name)


def _fetch_of(context: Context, callee: Import, target: Value, name: str) -> Concern | None:
    if isinstance(target, Import):
        judged = context.imports.judged(target.module, f"{target.name}.{name}")
        if judged.status is Status.VOUCHED or (
            target.module in _BUILTINS and target.name in _PURE_TYPES and not name.startswith("format")
        ):
            return None
        if (
            target.judged.status is Status.VOUCHED
            and _MEMBER.match(name)
            and target.judged.uses & {Use.MEMBER, Use.NEW}
        ):
            return None  # how Python 3.11 pickles a member of an enumeration
        if target.judged.level is Level.MALICIOUS or judged.level is Level.MALICIOUS:
            return Concern("code-execution", Level.MALICIOUS, f"getattr fetches {name} of {target.key}")
        classlike = (
            (looks_like_class(target.name) or target.judged.status is Status.VOUCHED)
            and target.judged.status in {Status.VOUCHED, Status.FOREIGN}
            and target.module.partition(".")[0] not in STDLIB
        )
        return Concern(
            "dotted-import", Level.UNVERIFIED if classlike else Level.UNSAFE, f"getattr fetches {name} of {target.key}"
        )
    if isinstance(target, Obj) and target.kind not in {Kind.SHARED, Kind.CALLABLE, Kind.CODE}:
        if _has_method(context, target, name):
            return None
        return Concern("dotted-import", Level.UNVERIFIED, f"{callee.name} fetches {name} of an object")
    if isinstance(target, str | bytes | tuple | list | dict | int | float) and not name.startswith("format"):
        return None
    return Concern("dotted-import", Level.UNSAFE, f"{callee.name} fetches {name}")


def _has_method(context: Context, target: Obj, name: str) -> bool:
    """Return True if *name* is a plain method of the class of *target* by the census: fetching it runs nothing.

    It is found in the class, so no ``__getattr__`` is asked. What the object's own attributes have in its place would
    be a value of the file, by another name. What was fetched may be called: no hook may reach it (`semantics.data`).
    """
    own = attributes_of(target.state)
    if not target.known or not isinstance(target.callee, Import) or own is None or any(name in one for one in own):
        return False
    made = class_of(target)
    profile = made.profile
    if profile is None or profile.kind is ClassKind.FUNCTION or Hook.GETATTRIBUTE in profile.acts:
        return False
    return context.imports.judged(made.module, f"{made.name}.{name}").status is Status.VOUCHED


def getitem(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``operator.getitem`` subscript a type (``typing.Union``) with types, and take nothing out of anything else.

    ``typing`` hashes what it is given, and compiles a text; only ``Literal`` takes constants.
    """
    values = values_of(args)
    if (
        len(values) == 2
        and isinstance(values[0], Import)
        and values[0].module in {"typing", "collections.abc", *_BUILTINS}
        and values[0].judged.level is Level.INFO
        and are_types(values[1], context.observations.budget, constants=values[0].name == "Literal")
    ):
        return None
    return Concern("dotted-import", Level.UNSAFE, f"{callee.key} takes an item out of something that is no type")


def alias(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``types.GenericAlias`` join types: it asks them for their parameters."""
    if are_types(args, context.observations.budget):
        return None
    return suspicious_arguments(f"{callee.key} is given something other than types")


def are_types(root: Value, budget: Budget, *, constants: bool = False) -> bool:
    """Return True for types for annotations: imports, None, what such calls made of them, and tuples of those."""
    waiting, seen = [root], set[int]()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        budget.charge(1)
        if isinstance(value, tuple | list):
            waiting += value
        elif isinstance(value, Obj):
            if not isinstance(value.callee, Import) or value.callee.judged.check not in _OF_TYPES or not value.known:
                return False
        elif not (isinstance(value, Import) or value is None or (constants and isinstance(value, _CONSTANTS))):
            return False
    return True


_OF_TYPES = frozenset({Check.ALIAS, Check.GETITEM, Check.REDUCE, Check.TYPE_OF})
"""Checks of functions that return a type."""
_CONSTANTS = (str, bytes, int)


def set_attribute(_context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Report ``setattr``: dill fills rebuilt classes with it; on any other object it changes the process."""
    values = values_of(args)
    rebuilt = bool(values) and isinstance(values[0], Obj) and values[0].kind is Kind.CODE
    if rebuilt and len(values) > 1 and isinstance(values[1], str) and values[1] not in denied.DUNDERS:
        return Concern("code-bearing", Level.UNSAFE, f"carries Python code: {callee.name} fills a rebuilt class")
    return Concern(
        "interpreter-state", Level.MALICIOUS, f"{callee.key} changes an object that the pickle did not rebuild"
    )
