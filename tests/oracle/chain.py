"""The search for compositions that do something: probes with stand-ins, follows what touches them, and guesses.

A *probe* puts a stand-in into each place of a specimen, and gives its objects attributes with the names of methods that
restoring it calls. A touch is a *lead*: what has the touched method is put there next, for real. A specimen that
reaches functions which none reached before is kept and probed in turn. Random changes do the rest.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from oracle.mutations import Specimen, leaves, mutated, substitutes
from oracle.probes import Task, resolved, shadows_in, stand_ins_in
from oracle.stand_ins import CALLED
from oracle.subject import subject
from oracle.trees import OBJECTS, Kind
from oracle.trial import BATCH

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from oracle.probes import Put
    from oracle.subject import Outcome
    from oracle.trees import Node
    from oracle.trial import Trial

_AT_ONCE = 300
"""Probes that are judged and loaded together: a child costs as much as a hundred loads, but what is touched leads."""
_GUESSES = 60
"""Of these at least so many are guesses."""
_GIVEN = 200
"""Pairs of an object and a value that are tried for one attribute."""
_FALLS_BACK = {
    "__contains__": ("__contains__", "__iter__", "__getitem__"),
    "__iter__": ("__iter__", "__getitem__"),
    "__bool__": ("__bool__", "__len__"),
    "__str__": ("__str__", "__repr__"),
    "__format__": ("__format__", "__str__", "__repr__"),
    "__index__": ("__index__", "__int__"),
}
"""The methods that the interpreter asks for, each after the other."""


@dataclass(frozen=True, slots=True)
class Lead:
    """A place of a specimen where something is touched."""

    put: Put
    method: str


class Chain:
    """One search."""

    def __init__(self, trial: Trial, seeds: dict[str, Node], random: Random) -> None:
        self._trial, self._random = trial, random
        self._donors = seeds | substitutes()
        self._methods = {name: _methods(root) for name, root in self._donors.items()}
        self._pool = [Specimen(name, root) for name, root in seeds.items()]
        self._probes: deque[Callable[[], list[Task]]] = deque()
        self._leads: deque[Lead] = deque()
        self._followed: set[tuple[str, str]] = set()
        self._reached: set[str] = set()
        self._called: set[str] = set()

    def run(self, seconds: float, loads: int, note: Callable[[int], None]) -> None:
        """Search for that long, or until so many pickles were clean; *note* is told their number after each round."""
        until, before = time.monotonic() + seconds, self._trial.counts["clean"]
        beginning, self._pool = self._pool, []
        plan = [Task(one, stand_ins=False) for one in beginning]
        while plan:
            self._round(plan)
            clean = self._trial.counts["clean"] - before
            note(clean)
            plan = self._plan() if time.monotonic() < until and clean < loads else []

    def _plan(self) -> list[Task]:
        """Return what is loaded next: leads first, guesses when nothing else is left, and some of them always."""
        plan: list[Task] = []
        while self._leads and len(plan) < _AT_ONCE:
            plan += self._following(self._leads.popleft())
        while self._probes and len(plan) < _AT_ONCE:
            oldest = self._random.random() < 0.5  # else the newest: what was found just now leads further
            plan += (self._probes.popleft() if oldest else self._probes.pop())()
        guesses = max(_GUESSES, _AT_ONCE - len(plan)) if plan else BATCH
        return plan + [Task(self._guess(), stand_ins=False) for _ in range(guesses)]

    def _round(self, plan: list[Task]) -> None:
        """Load what is planned; note each touch as a lead, and keep what reached something new."""
        outcomes = self._trial(
            [
                subject(one.specimen.label, one.specimen.root, stand_ins=one.stand_ins, traced=not one.stand_ins)
                for one in plan
            ]
        )
        for task, outcome in zip(plan, outcomes, strict=True):
            if outcome is not None:
                self._note(task, outcome)
                self._keep(task.specimen, outcome)

    def _note(self, task: Task, outcome: Outcome) -> None:
        if task.put is None:
            return
        for touch in outcome.touches:
            seen = touch.what, touch.place
            if touch.what != CALLED and seen not in self._followed:
                self._followed.add(seen)
                self._leads.append(Lead(task.put, touch.what))

    def _keep(self, specimen: Specimen, outcome: Outcome) -> None:
        """Keep a specimen that reached something new, and plan its probes."""
        if outcome.reached <= self._reached:
            return
        self._reached |= outcome.reached
        self._pool.append(specimen)
        called = sorted({one.rpartition(":")[2] for one in outcome.reached})
        self._called |= set(called)
        self._random.shuffle(called)
        self._probes += [
            lambda: list(stand_ins_in(specimen)),
            lambda: list(shadows_in(specimen, called)),
            lambda: [Task(leaf, stand_ins=False) for leaf in leaves(specimen)],
        ]

    def _following(self, lead: Lead) -> list[Task]:
        """Put everything with the touched method where it was touched."""
        wanted = _FALLS_BACK.get(lead.method, (lead.method.removeprefix("."),))
        fitting = [name for name, methods in self._methods.items() if not methods.isdisjoint(wanted)]
        tasks = [Task(lead.put(self._donors[name], name), stand_ins=False) for name in fitting]
        if lead.method.startswith("."):
            tasks += self._given(lead, lead.method[1:])
        return tasks

    def _given(self, lead: Lead, attribute: str) -> list[Task]:
        """Put objects there that get the touched *attribute* from their state: each value in some of the objects."""
        pairs = [(holder, name) for holder in self._donors for name in self._donors]
        tasks = []
        for holder, name in self._random.sample(pairs, min(_GIVEN, len(pairs))):
            with suppress(ValueError, IndexError):
                held = Specimen(holder, self._donors[holder]).shadow(0, attribute, self._donors[name], name)
                tasks.append(Task(lead.put(held.root, held.label), stand_ins=False))
        return tasks

    def _guess(self) -> Specimen:
        """Change a specimen at random."""
        specimen = self._random.choice(self._pool)
        names = sorted(self._called)
        for _ in range(self._random.choice((1, 1, 2, 3))):
            with suppress(ValueError):
                specimen = mutated(specimen, self._donors, names, self._random)
        return specimen


def _methods(root: Node) -> frozenset[str]:
    """Return the methods and attributes of what *root* makes, as far as its class and its state tell."""
    builtin = {Kind.LIST: list, Kind.DICT: dict, Kind.TUPLE: tuple, Kind.SET: set}.get(root.kind)
    cls = resolved(root.callee) if root.kind in OBJECTS else builtin
    state = [part.value for place in root.state for part in place.parts[::2]]
    return frozenset({*dir(cls), *(name for name in state if isinstance(name, str))})
