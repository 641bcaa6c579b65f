"""The meaning of an import: the lists put in order. Pure; depends on the two names alone, never on what is installed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from picklewatch.catalogue.classes.profiles import ClassKind, look_up
from picklewatch.catalogue.imports import denied as bad
from picklewatch.catalogue.imports.entries import Kind, Status, Use
from picklewatch.catalogue.imports.functions import KEPT
from picklewatch.catalogue.imports.library_calls import LIBRARY_CALLS
from picklewatch.catalogue.imports.library_classes import LIBRARY_CLASSES
from picklewatch.catalogue.imports.python2_names import ONLY_PYTHON_2, python3_name
from picklewatch.catalogue.imports.stdlib_modules import STDLIB, STDLIB_PACKAGES
from picklewatch.catalogue.imports.taken import among
from picklewatch.catalogue.imports.vouched import VOUCHED
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.catalogue.classes.profiles import Profile
    from picklewatch.catalogue.imports.entries import Check, Denied, Group
    from picklewatch.catalogue.imports.taken import Among

LONGEST_NAME = 400
"""Characters of an import's two names that are judged; longer ones are ``dotted-import``, `Level.UNSAFE`: honest ones
have a quarter of that, and patterns must not see more."""
_RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The lists' judgement of one import."""

    status: Status
    reason: str
    rule: str = ""
    """The rule of the finding that a reference to it alone makes."""
    level: Level = Level.INFO
    """The level of that finding; `Level.INFO`: none."""
    uses: frozenset[Use] = frozenset()
    """The uses that the lists vouch for."""
    kind: Kind = Kind.OBJECT
    """The kind of value that calling it returns."""
    check: Check | None = None
    """The check that the arguments of every call must pass as well."""
    among: Among | None = None
    """What may be among the arguments of a call, None for anything."""
    exact: bool = False
    """True if a list names it, with a reason that holds for its hooks, too: not only the census."""

    @property
    def rank(self) -> tuple[int, int]:
        """Return how bad it is, to compare two readings of one name."""
        return (_RANK[self.level], _STATUS_RANK[self.status])


_STATUS_RANK = {status: rank for rank, status in enumerate(Status)}
_TORCHSCRIPT = "__torch__"
_SCRIPTED = Judged(
    status=Status.VOUCHED,
    reason="a name that TorchScript's own C++ reader resolves in the archive; no Python module is called so",
    uses=frozenset({Use.REFERENCE, Use.NEW}),
)


def _exact(groups: tuple[Group, ...]) -> dict[tuple[str, str], Judged]:
    table: dict[tuple[str, str], Judged] = {}
    for group in groups:
        function = Use.CALL in group.uses and Use.NEW not in group.uses
        judged = Judged(
            status=Status.VOUCHED,
            reason=group.reason,
            uses=frozenset(group.uses),
            kind=group.kind or (Kind.DONE if function else Kind.OBJECT),
            check=group.check,
            exact=True,
            level=Level.INFO if Use.REFERENCE in group.uses else Level.UNSAFE,
            rule="" if Use.REFERENCE in group.uses else "indirect-call",
        )
        for module, names in group.names.items():
            called = replace(judged, among=among(group, module)) if Use.CALL in group.uses else judged
            for name in names.split():
                table.setdefault((module, name), called)
    return table


def _denied(groups: tuple[Denied, ...]) -> tuple[dict[str, Judged], dict[tuple[str, str], Judged]]:
    modules: dict[str, Judged] = {}
    names: dict[tuple[str, str], Judged] = {}
    for group in groups:
        judged = Judged(status=Status.DENIED, reason=group.reason, rule=group.rule, level=Level.MALICIOUS)
        for module in group.modules.split():
            modules.setdefault(module, judged)
        for module, listed in group.names.items():
            for name in listed.split():
                names.setdefault((module, name), judged)
    return modules, names


_EXACT = _exact((*VOUCHED, *LIBRARY_CALLS, *LIBRARY_CLASSES, *KEPT))
_DENIED_MODULES, _DENIED_NAMES = _denied(bad.DENIED)
_INDIRECT = {(module, name) for module, names in bad.INDIRECT.items() for name in names.split()}
_CLASS = re.compile(r"_*[A-Z]\w*\Z")
_DUNDER = re.compile(r"__\w+__\Z")
_IDENTIFIER = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*\Z")
_TOP = re.compile(r"\w+")
_PYTHON_TESTS = re.compile(r"test\.(test_\w+|\w+_tests|list_tests|pickletester|lock_tests|string_tests)\b")


_KINDS = {
    ClassKind.PASSIVE: ("a class whose objects only store what they are given", frozenset({Use.REFERENCE, Use.NEW})),
    ClassKind.ENUM: ("an enumeration", frozenset({Use.REFERENCE, Use.NEW, Use.MEMBER})),
    ClassKind.ACTIVE: ("a class whose hooks are judged where they run", frozenset({Use.REFERENCE, Use.NEW})),
    ClassKind.FUNCTION: ("a function that models keep for later use", frozenset({Use.REFERENCE})),
}


def _by_census(profile: Profile) -> Judged:
    """Judge a class, or a function that models keep, by what the census knows of it."""
    reason, uses = _KINDS[profile.kind]
    if profile.base == "type":  # ``__init_subclass__`` of any base would run, on names of the file's choosing
        reason, uses = "a class of classes: making an instance would define a class", frozenset({Use.REFERENCE})
    elif profile.kind is ClassKind.ACTIVE:
        reason += ": " + min(name for names in profile.acts.values() for name in names)
    return Judged(status=Status.VOUCHED, reason=reason, uses=uses)


@lru_cache(maxsize=8192)
def judge(module: str, name: str) -> Judged:
    """Judge *module* and *name*, read literally and as ``fix_imports`` reads it: the worse counts."""
    mapped = python3_name(module, name)
    if mapped == (module, name):
        return _judge(module, name)
    judged = _judge(*mapped)
    if module in ONLY_PYTHON_2:
        return judged
    return max(judged, _judge(module, name), key=lambda j: j.rank)


def otherwise_denied(module: str, name: str) -> Judged | None:
    """Return the denied entry of a name that is vouched for as data, or made without a call: it counts when called.

    ``numpy.memmap`` names an array's type; ``requests.Session`` is restored from its attributes.
    """
    return _DENIED_NAMES.get((module, name)) or _denied_module(module)


def is_denied(module: str, name: str) -> bool:
    """Return True if an import of *name* from *module* would be `Level.MALICIOUS`; faster than `judge`."""
    mapped = python3_name(module, name)
    both = (mapped,) if mapped == (module, name) or module in ONLY_PYTHON_2 else (mapped, (module, name))
    return any(judged is not None and judged.level is Level.MALICIOUS for judged in (_listed(*read) for read in both))


def is_denied_or_code(module: str, name: str) -> bool:
    """Return True if a list says that *name* of *module* does harm, or carries code."""
    judged = _listed(module, name)
    return judged is not None and judged.status is not Status.VOUCHED


def looks_like_class(name: str) -> bool:
    """Return True if the last part of *name* is spelt as classes are: CamelCase."""
    return bool(_CLASS.match(name.rpartition(".")[2]))


def plausible(module: str, name: str) -> bool:
    """Return True if both could be names of Python at all, which random bytes are not."""
    return bool(_IDENTIFIER.match(module) and _IDENTIFIER.match(name))


def _judge(module: str, name: str) -> Judged:
    if module == bad.SELF_TEST:
        return Judged(
            status=Status.SELF_TEST, reason="the self-test file", rule="self-test-file", level=Level.MALICIOUS
        )
    return _listed(module, name) or _by_library(module, name)


def _listed(module: str, name: str) -> Judged | None:
    """Return the entry of this very name, or the one that its parts lead to."""
    found = _EXACT.get((module, name)) or _DENIED_NAMES.get((module, name)) or _DENIED_NAMES.get((module, "*"))
    return found or _carrier(module, name) or _denied_module(module) or _by_name(module, name)


def _carrier(module: str, name: str) -> Judged | None:
    carries = (module, name) in bad.CARRIERS or any(parent in bad.CODE_BEARING_MODULES for parent in _parents(module))
    if carries or not bad.VENDORED_CARRIERS.isdisjoint(module.split(".")):
        return Judged(status=Status.CODE, reason="rebuilds Python code", rule="code-bearing", level=Level.UNSAFE)
    if (module, name) in _INDIRECT:
        return Judged(
            status=Status.INDIRECT, reason="calls what it is handed", rule="indirect-call", level=Level.UNVERIFIED
        )
    return None


def _parents(module: str) -> list[str]:
    """Return *module* and the packages around it, as far as any list goes down."""
    parts = module.split(".")[:_DEEPEST]
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


_DEEPEST = 1 + max(name.count(".") for name in (*_DENIED_MODULES, *bad.CODE_BEARING_MODULES))
"""Parts of the deepest module that is listed."""


def _denied_module(module: str) -> Judged | None:
    top = module.partition(".")[0]
    if top != module and top in STDLIB and top not in STDLIB_PACKAGES:
        return None  # a project's own package that shares its name with a module that has nothing below it
    if _PYTHON_TESTS.match(module):
        return _DENIED_MODULES["test.support"]
    for parent in reversed(_parents(module)):
        judged = _DENIED_MODULES.get(parent)
        if judged is not None:
            return judged
    return None


def _malicious(reason: str, rule: str = "code-execution") -> Judged:
    return Judged(status=Status.DENIED, reason=reason, rule=rule, level=Level.MALICIOUS)


def _by_name(module: str, name: str) -> Judged | None:
    """Judge a name by its parts: a detour through another module, a way into the interpreter."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        inner = _DENIED_NAMES.get((module, ".".join(parts[:count])))
        if inner is not None:
            return inner
    for part in parts:
        if part in bad.DUNDERS:
            return _malicious(f"reach {part}, which leads into the interpreter")
        if part in bad.ALIASES or part.strip("_") in bad.ALIASES:
            return _malicious(f"reach the module {part.strip('_')} by a detour")
    if parts[-1] in bad.TYPES:
        reason = f"reaches Python's own {parts[-1]} by a detour"
        return Judged(status=Status.DOTTED, reason=reason, rule="dotted-import", level=Level.UNSAFE)
    if parts[-1] in bad.FUNCTIONS:
        return _malicious("run code, as its name says")
    if any(_DUNDER.match(part) for part in parts):
        return Judged(
            status=Status.DOTTED, reason="reaches an internal attribute", rule="dotted-import", level=Level.UNSAFE
        )
    return None


def _by_library(module: str, name: str) -> Judged:
    if module.startswith(bad.QUARANTINED):
        return Judged(status=Status.TOMBSTONE, reason="a tombstone", rule="unvouched-class", level=Level.UNVERIFIED)
    top = _TOP.match(module)
    stdlib = top is not None and top[0] in STDLIB and (top[0] in STDLIB_PACKAGES or "." not in module)
    if module == _TORCHSCRIPT or module.startswith(_TORCHSCRIPT + "."):
        return _SCRIPTED
    profile = look_up(module, name)
    if profile is not None:
        return _by_census(profile)
    if "." in name:
        return _nested(module, name)
    if stdlib and not (module == "test" and looks_like_class(name)):
        return Judged(status=Status.STDLIB, reason="not vouched for", rule="unlisted-stdlib", level=Level.UNSAFE)
    return Judged(status=Status.FOREIGN, reason="not vouched for", rule="unvouched-class", level=Level.UNVERIFIED)


def _is_class(module: str, name: str) -> bool:
    judged = _by_library(module, name)
    return judged.status is Status.VOUCHED or (judged.status is Status.FOREIGN and looks_like_class(name))


def _nested(module: str, name: str) -> Judged:
    """Judge a dotted name: a class within a class is spelt so too; anything else is a walk over attributes."""
    top = module.split(".", 1)[0]
    if all(_CLASS.match(part) for part in name.split(".")) and top not in STDLIB:
        return Judged(status=Status.FOREIGN, reason="not vouched for", rule="unvouched-class", level=Level.UNVERIFIED)
    owner, _, method = name.rpartition(".")
    if top not in STDLIB and "." not in owner and not method.startswith("__") and _is_class(module, owner):
        return Judged(status=Status.DOTTED, reason="names a method", rule="dotted-import", level=Level.UNVERIFIED)
    return Judged(status=Status.DOTTED, reason="walks over attributes", rule="dotted-import", level=Level.UNSAFE)
