"""The daemon's problems, faults and counters: for the log, `picklewatch status`, metrics and systemd."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import structlog

from picklewatch.telemetry.health_problem import HealthProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_log = structlog.get_logger()

_QUIET_SECONDS: Final = 10.0
MOST_OF_A_KIND: Final = 100
"""Problems of one kind that are kept apart; all others of that kind are one more problem, which names none of them."""


class Health:
    """The problems that there are, and the counts since the start. Any thread may report and look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._problems: dict[tuple[str, str], HealthProblem] = {}
        self._counts: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._logged_at: dict[str, float] = {}

    def degrade(self, what: str, reason: str, *, subject: str = "", hint: str = "") -> None:
        """Record a problem and log it as ``<area>.degraded`` (the first word of *what*), unless it is known."""
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
        """Remove a problem that is over, and log that as ``<area>.repaired``; do nothing if it was not known."""
        with self._lock:
            gone = self._problems.pop((what, subject), None)
            if subject and self._number(what) < MOST_OF_A_KIND:
                self._problems.pop((what, ""), None)
        if gone is not None:
            _log.info(f"{_area(what)}.repaired", problem=what, path=subject or None)

    def repair_all(
        self, what: str, *, but: Collection[str] = (), where: Callable[[str], bool] = lambda _subject: True
    ) -> None:
        """Remove every problem *what* whose subject is not in *but* and for which *where* holds."""
        for problem in self.problems:
            if problem.what == what and problem.subject not in but and where(problem.subject):
                self.repair(what, subject=problem.subject)

    def incident(self, what: str, reason: str, **facts: Any) -> None:
        """Count a fault that is over already, and log it; of a series only one every ten seconds."""
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
        """The problems that there are now."""
        with self._lock:
            return tuple(self._problems.values())

    @property
    def counts(self) -> dict[str, int]:
        """Every counter since the start, the faults included."""
        with self._lock:
            return dict(self._counts)

    @property
    def faults(self) -> dict[str, int]:
        """The count of each fault since the start, repaired or not."""
        with self._lock:
            return dict(self._faults)


class HealthSection(Health):
    """The health as one of several equal parts uses it: no part repairs what another has reported.

    A problem without a subject is about *name*.
    """

    def __init__(self, whole: Health, name: str) -> None:
        super().__init__()
        self._whole, self._name = whole, name
        self._own: set[tuple[str, str]] = set()

    def degrade(self, what: str, reason: str, *, subject: str = "", hint: str = "") -> None:
        """Do as `Health.degrade`."""
        subject = subject or self._name
        self._own.add((what, subject))
        self._whole.degrade(what, reason, subject=subject, hint=hint)

    def repair(self, what: str, *, subject: str = "") -> None:
        """Do as `Health.repair`, for its own problems."""
        subject = subject or self._name
        if (what, subject) in self._own:
            self._own.discard((what, subject))
            self._whole.repair(what, subject=subject)

    def incident(self, what: str, reason: str, **facts: Any) -> None:
        """Do as `Health.incident`."""
        self._whole.incident(what, reason, **({"path": self._name} if self._name else {}) | facts)

    def count(self, what: str, number: int = 1) -> None:
        """Do as `Health.count`."""
        self._whole.count(what, number)

    def close(self) -> None:
        """Remove its remaining problems: the part is gone."""
        for what, subject in tuple(self._own):
            self.repair(what, subject=subject)

    @property
    def problems(self) -> tuple[HealthProblem, ...]:
        """The problems that this part reported."""
        return tuple(problem for problem in self._whole.problems if (problem.what, problem.subject) in self._own)

    @property
    def counts(self) -> dict[str, int]:
        """Those of the whole daemon."""
        return self._whole.counts

    @property
    def faults(self) -> dict[str, int]:
        """Those of the whole daemon."""
        return self._whole.faults


def _area(what: str) -> str:
    return what.partition("-")[0]
