"""What to say of a call that the lists do not vouch for, by what they do say of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.checks.arguments import Doubt
from picklewatch.analysis.pickle.vm.values import Blob, How, Import, Obj, Opaque
from picklewatch.catalogue.imports.classify import looks_like_class, otherwise_denied
from picklewatch.catalogue.imports.denied import EVALUATORS
from picklewatch.catalogue.imports.entries import Kind, Status, Use
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Notes
    from picklewatch.catalogue.imports.classify import Judged

_RISKY = re.compile(
    r"(Command|Popen|Process|Shell|Runner|Server|Client|Session|Connection|Socket|Downloader|Writer|Reader|Store|File|Thread|Interpreter|Console"
    r"|Executor|Library|Importer|Allocator|OutputFormat|Recorder|Tracker|Trainer|Loader|Daemon|Listener|Proxy|Spawn|Tunnel|Transport|Handler|Storage|Database|Repository)s?\Z"
)
_PYX = re.compile(r"(__pyx_unpickle_\w+|newObj)\Z")


def doubt_about(callee: Import, args: Any, how: How, notes: Notes) -> Doubt:
    """The doubt about *callee*, called with *args* (*how* ``call``) or instantiated by ``__new__`` (``new``)."""
    return _DOUBTS[callee.judged.status](callee, callee.judged, args, how, notes)


def referenced(imported: Import) -> str:
    """What to say of *imported* where nothing calls it."""
    judged, key = imported.judged, imported.key[:200]
    match judged.status:
        case Status.DENIED:
            return f"imports {key}, which can {judged.reason}"
        case Status.CODE:
            return f"carries Python code: imports {key}"
        case Status.STDLIB:
            return f"imports {key} of the standard library, which nobody vouched for"
        case Status.DOTTED:
            return f"imports {key}, which {judged.reason}"
        case Status.SELF_TEST:
            return "is picklewatch's own self-test file: harmless, judged as if it were not"
        case Status.TOMBSTONE:
            return f"names {imported.module[:200]} so that loading it fails with these words"
        case _:
            return f"imports {key}, which nobody vouched for"


def _denied_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    found = argument_signs.sign(args, notes)
    what = "makes an instance of" if how is How.NEW else "calls"
    return Doubt(
        judged.rule,
        judged.level,
        f"{what} {callee.key[:200]}, which can {judged.reason}" + (f"; given {found}" if found else ""),
    )


def _code_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    return Doubt(judged.rule, judged.level, f"carries Python code: calls {callee.key[:200]}")


def _indirect_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    return Doubt("indirect-call", Level.UNSAFE, f"calls {callee.key[:200]}, which calls what it is handed")


def _listed_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    """Unlisted standard library, or a dotted walk."""
    found = argument_signs.sign(args, notes)
    what = "makes an instance of" if how is How.NEW else "calls"
    if found in {"code", "a shell command"} and how is How.CALL:
        return Doubt("suspicious-arguments", Level.MALICIOUS, f"calls {callee.key[:200]} with {found}")
    return Doubt(
        judged.rule,
        Level.UNSAFE,
        f"{what} {callee.key[:200]}, which nobody vouched for" + (f", with {found}" if found else ""),
    )


def _foreign_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    found = argument_signs.sign(args, notes)
    key = callee.key[:200]
    harmless = EVALUATORS.get(callee.module.partition(".")[0])
    if harmless is not None and callee.name not in harmless.split() and _holds_text(args, notes):
        return Doubt("code-execution", Level.MALICIOUS, f"makes {key} from a text, which that evaluates as Python")
    if how is How.NEW:
        if found and (found != "a file's path" or judged.status is Status.VOUCHED):
            return Doubt("suspicious-arguments", Level.UNSAFE, f"makes an instance of {key} from {found}")
        return Doubt(
            "unvouched-class", Level.UNVERIFIED, f"makes an instance of {key}, a class that nobody vouched for"
        )
    if found:
        level = Level.MALICIOUS if found in {"code", "a shell command"} else Level.UNSAFE
        return Doubt("suspicious-arguments", level, f"calls {key} with {found}")
    if (
        looks_like_class(callee.name)
        and not _RISKY.search(callee.name)
        and argument_signs.plain(args, notes, labels=True)
    ):
        return Doubt(
            "unvouched-class",
            Level.UNVERIFIED,
            f"makes an instance of {key}, a class that nobody vouched for, from plain data",
        )
    if _PYX.match(callee.name) and argument_signs.plain(args, notes):
        return Doubt(
            "unvouched-class", Level.UNVERIFIED, f"restores an instance of a Cython class of {callee.module[:200]}"
        )
    return Doubt("unknown-call", Level.UNSAFE, f"calls {key}, which nobody vouched for")


def _vouched_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    """Vouched for as data, but not for being called so."""
    denied = otherwise_denied(callee.module, callee.name)
    if denied is not None:
        return _denied_call(callee, denied, args, how, notes)
    values = args if isinstance(args, tuple) else ()
    if callee.name == "memmap":
        return Doubt("file-access", Level.MALICIOUS, f"has {callee.key[:200]} open a file, and write it if told to")
    if (
        how is How.CALL
        and Use.MEMBER in judged.uses
        and len(values) == 1
        and _literal(values[0])
        and not argument_signs.sign(args, notes)
    ):
        return Doubt("unvouched-class", Level.INFO, f"names a member of {callee.key[:200]}")
    if callee.module.partition(".")[0] in {
        "builtins",
        "math",
        "operator",
        "itertools",
        "copy",
        "typing",
        "types",
        "re",
        "dataclasses",
    }:
        return Doubt("unlisted-stdlib", Level.UNSAFE, f"calls {callee.key[:200]}, which is vouched for as data only")
    return _foreign_call(callee, judged, args, how, notes)


def _holds_text(values: Any, notes: Notes) -> bool:
    """Whether any text is among *values*."""
    waiting, opened = [values], set[int]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, str | bytes | Blob):
            return True
        if id(value) in opened or not isinstance(value, tuple | list | dict | Opaque | Obj):
            continue
        opened.add(id(value))
        notes.budget.charge(2)
        if isinstance(value, tuple | list | dict):
            notes.budget.charge(2 * len(value))
            waiting.extend(value)
            waiting.extend(value.values() if isinstance(value, dict) else ())
        elif isinstance(value, Opaque):
            waiting.append(value.content)
        elif value.kind in {Kind.ATOM, Kind.LIST, Kind.DICT, Kind.SET, Kind.CALLABLE}:
            waiting.append(value.args)
    return False


def _literal(value: Any) -> bool:
    """Whether *value* is a plain literal, or the member of an enumeration made of one (a flag within a flag)."""
    if isinstance(value, Obj) and isinstance(value.callee, Import) and isinstance(value.args, tuple):
        harmless = value.callee.judged.status in {Status.VOUCHED, Status.FOREIGN} and looks_like_class(
            value.callee.name
        )
        return harmless and len(value.args) == 1 and _literal_itself(value.args[0])
    return _literal_itself(value)


def _literal_itself(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _other_call(callee: Import, judged: Judged, args: Any, how: How, notes: Notes) -> Doubt:
    return Doubt(judged.rule, judged.level, f"calls {callee.key[:200]}")


_DOUBTS = {
    Status.DENIED: _denied_call,
    Status.CODE: _code_call,
    Status.INDIRECT: _indirect_call,
    Status.STDLIB: _listed_call,
    Status.DOTTED: _listed_call,
    Status.FOREIGN: _foreign_call,
    Status.VOUCHED: _vouched_call,
    Status.SELF_TEST: _other_call,
    Status.TOMBSTONE: _other_call,
}
