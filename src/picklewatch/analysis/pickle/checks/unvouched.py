"""Turn a call to an import that is not vouched for into a concern, depending on how the lists classify the import."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call
from picklewatch.analysis.pickle.vm.values import Blob, How, Import, Obj
from picklewatch.catalogue.classes.profiles import ClassKind
from picklewatch.catalogue.imports.classify import looks_like_class, otherwise_denied
from picklewatch.catalogue.imports.denied import EVALUATORS, SOURCE_CARRIERS
from picklewatch.catalogue.imports.entries import Status, Use
from picklewatch.catalogue.imports.own_code import is_own
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.catalogue.imports.classify import Judged

_RISKY = re.compile(
    r"(Command|Popen|Process|Shell|Runner|Server|Client|Session|Connection|Socket|Downloader|Writer|Reader|Store|File|Thread|Interpreter|Console"
    r"|Executor|Library|Importer|Allocator|OutputFormat|Recorder|Tracker|Trainer|Loader|Daemon|Listener|Proxy|Spawn|Tunnel|Transport|Handler|Storage|Database|Repository)s?\Z"
)
_LABEL = re.compile(r"[\w :.+#%,-]{0,80}$")
_PYX = re.compile(r"(__pyx_unpickle_\w+|newObj)\Z")


def concern_about(callee: Import, args: Value, how: How, observations: Observations) -> Concern:
    """Return the concern about *callee*, called with *args* or instantiated by ``__new__``."""
    judged, key = callee.judged, callee.key[:200]
    match judged.status:
        case Status.DENIED:
            return _denied_call(callee, judged, args, how, observations)
        case Status.CODE:
            return _carried(callee, args, observations)
        case Status.INDIRECT:
            return indirect_call(f"calls {key}, which calls its arguments")
        case Status.STDLIB | Status.DOTTED:
            return _listed_call(callee, args, how, observations)
        case Status.FOREIGN:
            return _foreign_call(callee, args, how, observations)
        case Status.VOUCHED:
            return _vouched_call(callee, args, how, observations)
        case Status.SELF_TEST | Status.TOMBSTONE:
            return Concern(judged.rule, judged.level, f"calls {key}")
        case _:
            assert_never(judged.status)


def referenced(imported: Import) -> str:
    """Return the summary of a finding about *imported* where nothing calls it."""
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
        case Status.VOUCHED | Status.FOREIGN | Status.INDIRECT:
            own = is_own(imported.module)
            return f"refers to your own code: {key}" if own else f"imports {key}, which nobody vouched for"
        case _:
            assert_never(judged.status)


def _carried(callee: Import, args: Value, observations: Observations) -> Concern:
    """Return the concern about what rebuilds code: no model's own source starts programs or evaluates texts."""
    key = callee.key[:200]
    if (callee.module, callee.name) in SOURCE_CARRIERS:
        for value in observations.data.each(args):
            text = value.read().decode("utf-8", "replace") if isinstance(value, Blob) and value.text else value
            if isinstance(text, str):
                observations.budget.charge(1 + len(text) // _CHARACTERS_PER_UNIT)
                if _ACTS.search(text):
                    return Concern(
                        "suspicious-arguments", Level.MALICIOUS, f"calls {key} with source that runs other code"
                    )
    return Concern(callee.judged.rule, callee.judged.level, f"carries Python code: calls {key}")


_ACTS = re.compile(
    r"(?<!\.)\b(?:exec|eval|compile|__import__)\s*\(|\b(?:system|popen|Popen|check_output|check_call|getoutput|urlopen|urlretrieve)\s*\("
    r"|\b(?:subprocess|socket|ctypes|pty|base64|marshal|pickle|requests|__builtins__|__globals__|__subclasses__)\b"
)
"""Source that a model's own modules do not have."""
_CHARACTERS_PER_UNIT = 4


def _denied_call(callee: Import, judged: Judged, args: Value, how: How, observations: Observations) -> Concern:
    found = argument_signs.sign(args, observations)
    what = "makes an instance of" if how is How.NEW else "calls"
    return Concern(
        judged.rule,
        judged.level,
        f"{what} {callee.key[:200]}, which can {judged.reason}" + (f"; given {found}" if found else ""),
    )


def _listed_call(callee: Import, args: Value, how: How, observations: Observations) -> Concern:
    """Return the concern about the unlisted standard library, or a walk over attributes."""
    found = argument_signs.sign(args, observations)
    what = "makes an instance of" if how is How.NEW else "calls"
    if found in {"code", "a shell command"} and how is How.CALL:
        return Concern("suspicious-arguments", Level.MALICIOUS, f"calls {callee.key[:200]} with {found}")
    return Concern(
        callee.judged.rule,
        Level.UNSAFE,
        f"{what} {callee.key[:200]}, which nobody vouched for" + (f", with {found}" if found else ""),
    )


def _foreign_call(callee: Import, args: Value, how: How, observations: Observations) -> Concern:
    found = argument_signs.sign(args, observations)
    key = callee.key[:200]
    harmless = EVALUATORS.get(callee.module.partition(".")[0])
    if (
        harmless is not None
        and callee.name not in harmless.split()
        and any(isinstance(one, str | bytes | Blob) for one in observations.data.each(args))
    ):
        return Concern("code-execution", Level.MALICIOUS, f"makes {key} from a text, which that evaluates as Python")
    if how is How.NEW:
        if found and (found != "a file's path" or callee.judged.status is Status.VOUCHED):
            return Concern("suspicious-arguments", Level.UNSAFE, f"makes an instance of {key} from {found}")
        return Concern("unvouched-class", Level.UNVERIFIED, _made(callee))
    if found:
        level = Level.MALICIOUS if found in {"code", "a shell command"} else Level.UNSAFE
        return Concern("suspicious-arguments", level, f"calls {key} with {found}")
    if (
        looks_like_class(callee.name)
        and not _RISKY.search(callee.name)
        and not observations.data.unkept(args)
        and all(_is_label(one) for one in observations.data.each(args))
    ):
        return Concern(
            "unvouched-class",
            Level.UNVERIFIED,
            _made(callee) + ", from plain data",
        )
    if _PYX.match(callee.name) and not observations.data.unkept(args):
        return Concern(
            "unvouched-class", Level.UNVERIFIED, f"restores an instance of a Cython class of {callee.module[:200]}"
        )
    return Concern("unknown-call", Level.UNSAFE, f"calls {key}, which nobody vouched for")


def _made(callee: Import) -> str:
    key = callee.key[:200]
    if is_own(callee.module):
        return f"makes an object of your own code: {key}"
    return f"makes an instance of {key}, a class that nobody vouched for"


def _vouched_call(callee: Import, args: Value, how: How, observations: Observations) -> Concern:
    """Return the concern about an import that is vouched for as data, but not for being called so."""
    values = args if isinstance(args, tuple) else ()
    if (
        how is How.CALL
        and Use.MEMBER in callee.judged.uses
        and len(values) == 1
        and _literal(values[0])
        and not argument_signs.sign(args, observations)
    ):
        return _member(callee)
    denied = otherwise_denied(callee.module, callee.name)
    if denied is not None:
        return _denied_call(callee, denied, args, how, observations)
    if callee.name == "memmap":
        return Concern("file-access", Level.MALICIOUS, f"has {callee.key[:200]} open a file, and write it if told to")
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
        return Concern("unlisted-stdlib", Level.UNSAFE, f"calls {callee.key[:200]}, which is vouched for as data only")
    return _foreign_call(callee, args, how, observations)


def _member(callee: Import) -> Concern:
    """Return the concern about a call with one literal: it makes no member of anything but an enumeration."""
    profile, key = callee.profile, callee.key
    if profile is None:
        return Concern("unvouched-class", Level.UNVERIFIED, f"calls {key}, which is not known to be an enumeration")
    if profile.kind is ClassKind.ENUM:
        return Concern("unvouched-class", Level.INFO, f"names a member of {key}")
    return Concern("unknown-call", Level.UNSAFE, f"calls {key}, which is no enumeration, with a literal")


def _is_label(value: Value) -> bool:
    """Return False for a text that may be a path, or a line of anything."""
    return not isinstance(value, Blob) and (not isinstance(value, str) or _LABEL.match(value) is not None)


def _literal(value: Value) -> bool:
    """Return True for a plain literal, or the member of an enumeration made of one (a flag within a flag)."""
    if isinstance(value, Obj) and isinstance(value.callee, Import) and isinstance(value.args, tuple):
        harmless = value.callee.judged.status in {Status.VOUCHED, Status.FOREIGN} and looks_like_class(
            value.callee.name
        )
        return harmless and len(value.args) == 1 and _literal_itself(value.args[0])
    return _literal_itself(value)


def _literal_itself(value: Value) -> bool:
    return value is None or isinstance(value, str | int | float)
