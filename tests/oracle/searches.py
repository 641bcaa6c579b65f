"""The plain searches: every class with a stand-in in each of its attributes, and every call with a literal."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import textwrap
import time
from itertools import chain, islice
from random import Random
from typing import TYPE_CHECKING

from oracle.installed import LITERALS
from oracle.mutations import STAND_IN_OBJECT, Specimen
from oracle.probes import shadows_in, stand_ins_in
from oracle.seeds import example
from oracle.subject import subject
from oracle.trees import Filling, Kind, Node, call, new, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from oracle.ledger import Ledger
    from oracle.subject import Outcome, Subject
    from oracle.trial import Trial

_PLACES = 200
"""Pickles of one class at most."""
_AT_ONCE = 100
TIMES = 20
"""Pickles of each class that hold nothing but data: they are clean whatever its hooks look into."""
_DATA: tuple[object, ...] = (None, True, 0, -1, 1.5, "x", "", b"x", [], [1, "a"], {}, {"a": 1}, (), (1, 2), {"b"})


def calls(trial: Trial, names: Iterable[str], seconds: float, ledger: Ledger) -> None:
    """Call each of *names* with one literal, but for what *ledger* says was done."""
    until = time.monotonic() + seconds
    waiting = [
        subject(f"{name}({literal!r})", call(name, literal), stand_ins=False) for name in names for literal in LITERALS
    ]
    for start in range(0, len(waiting), _AT_ONCE):
        if time.monotonic() > until:
            print(f"the time is up at {waiting[start].label}")
            return
        step = f"calls from {waiting[start].label}"
        if step not in ledger.clean:
            ledger.done(step, _clean(trial(waiting[start : start + _AT_ONCE])))


def sweep(trial: Trial, classes: Iterable[str], seconds: float, seed: int, ledger: Ledger) -> dict[str, int]:
    """Load objects of each of *classes* in a child of its own, with a stand-in in each attribute that its source names.

    Return the number of clean pickles of each, `TIMES` at least if that many of data alone are clean. What *ledger*
    says was done is not done again.
    """
    until = time.monotonic() + seconds
    loads: dict[str, int] = {}
    for name in classes:
        step = f"class {name}"
        if step not in ledger.clean:
            if time.monotonic() > until:
                print(f"the time is up at {name}")
                break
            cls = _class(name)
            if cls is None:
                continue
            ledger.done(step, _clean(trial(list(_of_class(name, cls, Random(f"{seed} {name}"))))))
        loads[name] = ledger.clean[step]
    return loads


def _clean(outcomes: Iterable[Outcome | None]) -> int:
    return sum(outcome is not None for outcome in outcomes)


def _of_class(name: str, cls: type, random: Random) -> Iterator[Subject]:
    """Yield pickles of one class: with stand-ins, and of data alone."""
    attributes = sorted(_attributes(cls)) or ["a"]
    cases = chain(islice(_cases(name, cls), _PLACES), (_of_data(name, attributes, random) for _ in range(TIMES)))
    return (subject(one.label, one.root) for one in cases)


def _of_data(name: str, attributes: list[str], random: Random) -> Specimen:
    """Return an object with data in some of its attributes."""
    chosen = random.sample(attributes, random.randint(1, len(attributes)))
    return Specimen(f"{name} of data", new(name, {attribute: random.choice(_DATA) for attribute in chosen}))


def _cases(name: str, cls: type) -> Iterator[Specimen]:
    attributes = sorted(_attributes(cls)) or ["a"]
    bare = Specimen(name, new(name, dict.fromkeys(attributes, STAND_IN_OBJECT)))
    yield bare
    yield bare.as_key()
    yield Specimen(f"{name} filled", _filled(name))
    specimens = [Specimen(f"{name} bare", new(name, dict.fromkeys(attributes, 1)))]
    real = example(cls)
    specimens += [] if real is None else [Specimen(f"{name} real", real)]
    for specimen in specimens:
        yield from (task.specimen for task in stand_ins_in(specimen))
        yield from (task.specimen for task in shadows_in(specimen, []))


def _filled(name: str) -> Node:
    """Return an object that SETITEM gives a stand-in as key and value."""
    made = new(name)
    made.fillings.append(Filling(Kind.DICT, [STAND_IN_OBJECT, tree(1), tree("a"), STAND_IN_OBJECT]))
    return made


def _class(name: str) -> type | None:
    module, _, attribute = name.rpartition(".")
    with contextlib.suppress(Exception):
        found = getattr(importlib.import_module(module), attribute)
        return found if isinstance(found, type) else None
    return None


_READ = ("__init__", "__setstate__", "__del__", "__hash__", "__eq__", "__getattr__", "__setattr__", "__repr__")


def _attributes(cls: type) -> set[str]:
    """Return the names of the attributes that the class's source sets or looks into."""
    found: set[str] = set()
    for base in cls.__mro__[:-1]:
        for method in _READ:
            found |= _named_in(base.__dict__.get(method))
    return {name for name in found if not name.startswith("__") or name.endswith("__")} - {"__dict__", "__class__"}


def _named_in(function: Callable[..., object] | None) -> set[str]:
    try:
        source = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except (TypeError, OSError, SyntaxError):
        return set()
    found = set()
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            found.add(node.attr)
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
        ):
            found.add(node.slice.value)
    return found
