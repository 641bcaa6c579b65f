"""What is wrong right now, what went wrong and was repaired, and how often: for the log, `status` and systemd."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_log = structlog.get_logger()

_QUIET_SECONDS: Final = 10.0
MOST_OF_A_KIND: Final = 100
"""Problems of one kind that are named; that there are more is one problem. Whoever mends the first meets the next."""


@dataclass(frozen=True, slots=True)
class HealthProblem:
    """One thing that is wrong."""

    what: str
    """A stable kebab-case name, such as ``watch-limit``."""
    subject: str
    """What it is about, such as a path; may be empty."""
    reason: str
    """One plain sentence."""
    hint: str = ""
    """What the user can do about it; empty if it repairs itself."""


class Health:
    """Threads report here; anybody may look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._problems: dict[tuple[str, str], HealthProblem] = {}
        self._counts: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._logged_at: dict[str, float] = {}

    def degrade(self, what: str, reason: str, *, subject: str = "", hint: str = "") -> None:
        """Note a problem and log it (``<area>.degraded``, the area is the first word of *what*), unless it is known."""
        problem = HealthProblem(what, subject, reason, hint)
        with self._lock:
            if self._problems.get((what, subject)) == problem:
                return
            if (what, subject) not in self._problems and self._number(what) >= MOST_OF_A_KIND:
                self._problems[what, ""] = HealthProblem(
                    what, "", f"and more than {MOST_OF_A_KIND} others: {reason}", hint
                )
                return
            self._problems[what, subject] = problem
            self._counts[what] += 1
            self._faults[what] += 1
        _log.warning(f"{_area(what)}.degraded", message=reason, problem=what, path=subject or None, hint=hint or None)

    def _number(self, what: str) -> int:
        return sum(name == what and subject != "" for name, subject in self._problems)

    def repair(self, what: str, *, subject: str = "") -> None:
        """Note that a problem is over, and log it (``<area>.repaired``); nothing if it was not known."""
        with self._lock:
            gone = self._problems.pop((what, subject), None)
            if subject and self._number(what) < MOST_OF_A_KIND:
                self._problems.pop((what, ""), None)
        if gone is not None:
            _log.info(f"{_area(what)}.repaired", problem=what, path=subject or None)

    def repair_all(
        self, what: str, *, but: Collection[str] = (), where: Callable[[str], bool] = lambda _subject: True
    ) -> None:
        """Note that every problem *what* is over whose subject is not in *but* and for which *where* holds."""
        for problem in self.problems:
            if problem.what == what and problem.subject not in but and where(problem.subject):
                self.repair(what, subject=problem.subject)

    def incident(self, what: str, reason: str, **facts: Any) -> None:
        """Count something that went wrong and is over already, and log it; a series of the same only now and then."""
        now = time.monotonic()
        with self._lock:
            self._counts[what] += 1
            self._faults[what] += 1
            if now - self._logged_at.get(what, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return
            self._logged_at[what] = now
            facts["times"] = self._counts[what]
        _log.warning(f"{_area(what)}.incident", message=reason, problem=what, **facts)

    def count(self, what: str, number: int = 1) -> None:
        """Add to the counter *what*."""
        with self._lock:
            self._counts[what] += number

    @property
    def problems(self) -> tuple[HealthProblem, ...]:
        """What is wrong now."""
        with self._lock:
            return tuple(self._problems.values())

    @property
    def counts(self) -> dict[str, int]:
        """How often what happened since the start."""
        with self._lock:
            return dict(self._counts)

    @property
    def faults(self) -> dict[str, int]:
        """What went wrong since the start, repaired or not, and how often."""
        with self._lock:
            return dict(self._faults)


class HealthSection(Health):
    """The same book as used by one of several parts that do the same: none repairs what another has found.

    What has no subject is about *name*.
    """

    def __init__(self, whole: Health, name: str) -> None:
        super().__init__()
        self._whole, self._name = whole, name
        self._own: set[tuple[str, str]] = set()

    def degrade(self, what: str, reason: str, *, subject: str = "", hint: str = "") -> None:
        """As `Health.degrade`."""
        subject = subject or self._name
        self._own.add((what, subject))
        self._whole.degrade(what, reason, subject=subject, hint=hint)

    def repair(self, what: str, *, subject: str = "") -> None:
        """As `Health.repair`, of its own problems."""
        subject = subject or self._name
        if (what, subject) in self._own:
            self._own.discard((what, subject))
            self._whole.repair(what, subject=subject)

    def incident(self, what: str, reason: str, **facts: Any) -> None:
        """As `Health.incident`."""
        self._whole.incident(what, reason, **({"path": self._name} if self._name else {}) | facts)

    def count(self, what: str, number: int = 1) -> None:
        """As `Health.count`."""
        self._whole.count(what, number)

    def close(self) -> None:
        """Repair whatever is left: the part is gone."""
        for what, subject in tuple(self._own):
            self.repair(what, subject=subject)

    @property
    def problems(self) -> tuple[HealthProblem, ...]:
        """Its own."""
        return tuple(problem for problem in self._whole.problems if (problem.what, problem.subject) in self._own)

    @property
    def counts(self) -> dict[str, int]:
        """Everybody's."""
        return self._whole.counts

    @property
    def faults(self) -> dict[str, int]:
        """Everybody's."""
        return self._whole.faults


def _area(what: str) -> str:
    return what.partition("-")[0]
