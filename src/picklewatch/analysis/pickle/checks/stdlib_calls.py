"""Checks of Python's own functions, most of which keep, fetch or call what they are handed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.checks.arguments import Doubt, odd, plain, values_of
from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind, as_bytes, as_text
from picklewatch.catalogue.imports import denied
from picklewatch.catalogue.imports.classify import looks_like_class, otherwise_denied
from picklewatch.catalogue.imports.entries import Check, Kind, Status, Use
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.build import Machine
    from picklewatch.analysis.pickle.semantics.observations import Notes

_LATIN = {"latin1", "latin-1", "iso-8859-1", "utf-8", "utf8", "ascii"}
_MEMBER = re.compile(r"[A-Z][A-Z0-9_]*\Z")
_BUILTINS = {"builtins", "__builtin__"}
_PURE_TYPES = {"str", "list", "dict", "tuple", "set", "frozenset", "int", "float", "bytes", "unicode"}


def mapping(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``OrderedDict([…])``: pairs or a mapping; no pickler gives it a text."""
    if any(isinstance(value, str | bytes | Blob) for value in values_of(args)):
        return odd(f"{callee.key} is given a text")
    return None


def factory(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``defaultdict(factory)``: a class, or a callable that is harmless itself."""
    values = values_of(args)
    if not values or values[0] is None:
        return None
    made = values[0]
    if (
        isinstance(made, Import)
        and made.judged.status in {Status.VOUCHED, Status.FOREIGN, Status.CODE}
        and made.judged.level is not Level.UNSAFE
    ):
        return None
    if isinstance(made, Obj) and made.kind is Kind.CALLABLE:
        return None if made.known else Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a callable")
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is given a factory that nobody vouched for")


def pattern(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """A regular expression: text and flags."""
    values = values_of(args)
    if values and (isinstance(values[0], bytes | str | Blob) or as_bytes(values[0]) is not None):
        return None
    return odd(f"{callee.key} is given something other than a pattern")


def encode(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``_codecs.encode(text, 'latin1')`` only: other codecs decode, decompress or are looked up in a registry."""
    values = values_of(args)
    fewest, most = 1, 2
    text = as_text(values[0]) if fewest <= len(values) <= most else None
    if text is None:
        return odd(f"{callee.key} is given something other than a text")
    if len(values) == most and (not isinstance(values[1], str) or values[1].lower() not in _LATIN):
        return odd(f"{callee.key} is asked for an unusual codec")
    if text[:1] in {"\x80", "c", "(", "]", "}"} and len(values) == most:
        content = as_bytes(Obj(callee=callee, args=values, offset=offset, kind=Kind.ATOM))
        machine.embedded(content, offset)
    return None


def getter(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``attrgetter('name')`` and ``methodcaller('name', …)``, kept for later: by a name that leads nowhere."""
    values = values_of(args)
    names = values if callee.name == "attrgetter" else values[:1]
    machine.budget.charge(sum(1 + len(name) // 8 for name in names if isinstance(name, str)))
    parts = [part for name in names if isinstance(name, str) for part in name.split(".")]
    leads = any(part.startswith("_") or part in denied.FUNCTIONS or part in denied.ALIASES for part in parts)
    if leads or not names or not all(isinstance(name, str) for name in names) or argument_signs.sign(values, machine):
        return Doubt("code-execution", Level.MALICIOUS, f"{callee.key} is to fetch what leads to running code")
    return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} is kept to fetch {names[0]} of something")


def partial(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``partial(function, …)`` keeps what it is given; what is kept is looked at."""
    return kept(machine, callee, values_of(args))


def kept(machine: Notes, callee: Import, values: tuple[Any, ...]) -> Doubt | None:
    """Doubts about a callable and arguments that are kept for later."""
    if not values:
        return None
    function = values[0]
    if isinstance(function, Import) and otherwise_denied(function.module, function.name) is not None:
        return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} keeps a call of {function.key}")
    if (
        isinstance(function, Import)
        and function.judged.status is Status.VOUCHED
        and Use.REFERENCE in function.judged.uses
    ):
        computes = Use.CALL in function.judged.uses or not looks_like_class(function.name)
        if computes and argument_signs.plain(values, machine):
            return None
        return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a call of {function.key}")
    if isinstance(function, Import) and function.judged.status is Status.CODE:
        return None
    found = argument_signs.sign(values[1:], machine)
    told = isinstance(function, Import) and function.judged.status in {Status.FOREIGN, Status.DOTTED}
    if told and function.judged.level in {Level.INFO, Level.UNVERIFIED} and not found:
        return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a call of {function.key}")
    if isinstance(function, Obj) and function.kind is Kind.CALLABLE and not found:
        return Doubt("indirect-call", Level.UNVERIFIED, f"{callee.key} keeps a call")
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} keeps a call" + (f" with {found}" if found else ""))


def fetch(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``getattr(object, 'name')``: what is fetched of what."""
    values = values_of(args)
    if not 2 <= len(values) <= 3 or not isinstance(values[1], str):
        return Doubt("dotted-import", Level.UNSAFE, "getattr is called with a name that is not in the file as such")
    target, name = values[0], values[1]
    if (
        name in denied.DUNDERS
        or name in denied.FUNCTIONS
        or name.strip("_") in denied.ALIASES
        or name in {"eval", "exec"}
    ):
        return Doubt("code-execution", Level.MALICIOUS, f"getattr fetches {name}, which leads to running code")
    if name.startswith("__") or not name.isidentifier():
        return Doubt("dotted-import", Level.UNSAFE, f"getattr fetches the internal attribute {name}")
    return _fetch_of(machine, callee, target, name)


def _fetch_of(machine: Machine, callee: Import, target: Any, name: str) -> Doubt | None:
    if isinstance(target, Import):
        judged = machine.judged(target.module, f"{target.name}.{name}")
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
            return Doubt("code-execution", Level.MALICIOUS, f"getattr fetches {name} of {target.key}")
        classlike = (
            (looks_like_class(target.name) or target.judged.status is Status.VOUCHED)
            and target.judged.status in {Status.VOUCHED, Status.FOREIGN}
            and target.module.partition(".")[0] not in STDLIB
        )
        return Doubt(
            "dotted-import", Level.UNVERIFIED if classlike else Level.UNSAFE, f"getattr fetches {name} of {target.key}"
        )
    if isinstance(target, Obj) and target.kind not in {Kind.SHARED, Kind.CALLABLE, Kind.CODE}:
        return Doubt("dotted-import", Level.UNVERIFIED, f"{callee.name} fetches {name} of an object")
    if isinstance(target, str | bytes | tuple | list | dict | int | float) and not name.startswith("format"):
        return None
    return Doubt("dotted-import", Level.UNSAFE, f"{callee.name} fetches {name}")


def getitem(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``operator.getitem(typing.Union, (…))``: subscripts a type."""
    values = values_of(args)
    if (
        values
        and isinstance(values[0], Import)
        and values[0].module in {"typing", "collections.abc", *_BUILTINS}
        and values[0].judged.level is Level.INFO
    ):
        return None
    return Doubt("dotted-import", Level.UNSAFE, f"{callee.key} takes an item out of something that is no type")


def set_attribute(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``setattr(object, name, value)``: dill fills rebuilt classes with it; else it changes what is shared."""
    values = values_of(args)
    rebuilt = bool(values) and isinstance(values[0], Obj) and values[0].kind is Kind.CODE
    if rebuilt and len(values) > 1 and isinstance(values[1], str) and values[1] not in denied.DUNDERS:
        return Doubt("code-bearing", Level.UNSAFE, f"carries Python code: {callee.name} fills a rebuilt class")
    return Doubt(
        "interpreter-state", Level.MALICIOUS, f"{callee.key} changes an object that the pickle did not rebuild"
    )


def tzfile(machine: Machine, callee: Import, args: Any, offset: int) -> Doubt | None:
    """``tzfile(None, name)``, filled by BUILD; anything else opens a file."""
    values = values_of(args)
    if values and values[0] is not None:
        return Doubt("file-access", Level.UNSAFE, f"{callee.key} is given a file to open")
    return plain(machine, callee, args, offset)


def reduce(machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``functools.reduce(operator.or_, (int, str))``: how a union of types is pickled."""
    values = values_of(args)
    joins = bool(values) and isinstance(values[0], Import) and values[0].key in {"operator.or_", "_operator.or_"}
    if joins and len(values) == 2 and argument_signs.plain(values[1], machine):
        return None
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} calls what it is handed")


def type_of(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``type(None)``; with three arguments it would make a class."""
    values = values_of(args)
    if len(values) == 1 and (
        values[0] is None or (isinstance(values[0], Import) and values[0].name in {"Ellipsis", "NotImplemented"})
    ):
        return None
    return Doubt("unknown-call", Level.UNSAFE, f"{callee.key} is asked for something other than a singleton's type")


def iterator(_machine: Machine, callee: Import, args: Any, _offset: int) -> Doubt | None:
    """``iter([…])`` and the like: the pickled form of an iterator; a callable to iterate over would be called."""
    values = values_of(args)
    if values and all(_container(value) for value in values):
        return None
    return Doubt("indirect-call", Level.UNSAFE, f"{callee.key} is given something other than containers of the file")


def _container(value: Any) -> bool:
    if isinstance(value, str | bytes | tuple | list | dict | int):
        return True
    if isinstance(value, Opaque):
        return value.kind in {OpaqueKind.SET, OpaqueKind.FROZENSET, OpaqueKind.BYTEARRAY}
    if not isinstance(value, Obj) or not value.known:
        return False
    iterates = isinstance(value.callee, Import) and value.callee.judged.check is Check.ITERATOR
    return iterates or value.kind in {Kind.LIST, Kind.DICT, Kind.SET, Kind.ATOM}


OF_PYTHON: dict[Check, Any] = {
    Check.MAPPING: mapping,
    Check.FACTORY: factory,
    Check.PATTERN: pattern,
    Check.ENCODE: encode,
    Check.PARTIAL: partial,
    Check.GETATTR: fetch,
    Check.GETITEM: getitem,
    Check.TZFILE: tzfile,
    Check.REDUCE: reduce,
    Check.SETATTR: set_attribute,
    Check.TYPE_OF: type_of,
    Check.ITERATOR: iterator,
    Check.GETTER: getter,
}
"""By the name that the lists use."""
