"""One run of the oracle: judges, loads what is clean, counts, and writes down whatever happened."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from typing import IO, TYPE_CHECKING

from oracle.installed import import_quietly, settle
from oracle.loading import loaded
from oracle.parsing import parse
from oracle.schemas import allowed, table
from oracle.shown import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oracle.engine import Judge
    from oracle.subject import Outcome, Subject

BATCH = 1_000
"""Loads in one child at most."""


class Trial:
    """Judges and loads; keeps the events that are new, and one line of each in the file of findings."""

    def __init__(self, judge: Judge, out: IO[str] | None = None) -> None:
        self.judge = judge
        self.counts: Counter[str] = Counter()
        self.seen: dict[tuple[str, str, str], str] = {}
        """Events so far, and the pickle that each was first seen with."""
        self.touched: dict[tuple[str, str], str] = {}
        """Touches so far, the same."""
        self._schemas = table()
        self._out = out
        self._begun = _processor_time()
        self._loading = 0.0
        self._tries = 0
        self._modules: set[str] = set()

    def __call__(self, subjects: Sequence[Subject]) -> list[Outcome | None]:
        """Return what each did, None where it is not clean."""
        clean = [index for index, one in enumerate(subjects) if self.judge.clean(one.data)]
        before = self.counts["judged"]
        self.counts["judged"] += len(subjects)
        self.counts["clean"] += len(clean)
        self._import([subjects[index] for index in clean])
        outcomes: list[Outcome | None] = [None] * len(subjects)
        begun = time.monotonic()
        for start in range(0, len(clean), BATCH):
            batch = clean[start : start + BATCH]
            for index, outcome in zip(batch, loaded([subjects[index] for index in batch]), strict=True):
                outcomes[index] = outcome
                self._tries = before + index + 1
                self._count(subjects[index], outcome)
        self._loading += time.monotonic() - begun
        return outcomes

    def warm_up(self, subjects: Sequence[Subject]) -> list[str]:
        """Import what restoring real objects imports, from functions of their own libraries, and return it.

        Those imports are an honest file's too; without this each load would repeat them.
        """
        clean = [one for one in subjects if self.judge.clean(one.data)]
        events = [event for outcome in loaded(clean) for event in outcome.events]
        imported = sorted({event.detail for event in events if event.what == "import"})
        fetched = list(filter(import_quietly, imported))
        settle()
        return fetched

    def _import(self, subjects: Sequence[Subject]) -> None:
        """Import here what the pickles name, so that only other imports are events."""
        fresh = {module for one in subjects for module, _ in one.names} - self._modules
        if fresh:
            self._modules |= fresh
            for module in sorted(fresh):
                import_quietly(module)
            settle()

    def _count(self, subject: Subject, outcome: Outcome) -> None:
        self.counts["loaded"] += outcome.ending == "loaded"
        self.counts["raised"] += outcome.ending not in {"loaded", "died", "hung"}
        self.counts["with events"] += bool(outcome.events)
        self.counts["with touches"] += bool(outcome.touches)
        fresh = [event for event in outcome.events if event.key not in self.seen]
        self.seen |= {event.key: subject.label for event in fresh}
        forbidden = [touch for touch in outcome.touches if not allowed(touch, self._schemas)]
        self.counts["touched outside of schemas"] += bool(forbidden)
        untouched = [touch for touch in forbidden if (touch.what, touch.place) not in self.touched]
        self.touched |= {(touch.what, touch.place): subject.label for touch in untouched}
        for event in fresh:
            self._tell(subject, f"{event.what} {event.detail[:80]}", event.place)
        for touch in untouched if self.judge.rule else ():
            self._tell(subject, f"touch {touch.what}", f"{touch.hook} … {touch.place}")
        if (fresh or untouched) and self._out is not None:
            line = {
                "label": subject.label,
                "events": [event.key for event in fresh],
                "touches": [(touch.what, touch.place) for touch in untouched],
                "ending": outcome.ending,
                "tree": shown(parse(subject.data)),
                "pickle": subject.data.hex(),
            }
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()

    def _tell(self, subject: Subject, what: str, place: str) -> None:
        seconds = _processor_time() - self._begun
        print(f"{self._tries:7} tries {seconds:6.1f} s  {what}", flush=True)
        print(f"{'':25} by {place} <- {subject.label}", flush=True)

    def report(self) -> str:
        """Return the counts in one line."""
        parts = [f"{count} {what}" for what, count in self.counts.items()]
        speed = self.counts["clean"] / self._loading if self._loading else 0
        return f"{', '.join(parts)}; {len(self.seen)} events, {len(self.touched)} touches; {speed:.0f} loads a second"


def _processor_time() -> float:
    """Return the seconds of processor time so far, the loads' included: a clock says how busy the machine is."""
    return sum(os.times()[:4])
