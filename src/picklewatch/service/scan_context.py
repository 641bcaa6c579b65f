"""Bundles what the workers are given: the stages around them, and the configuration in force."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.access.opening import Holds, Opens
    from picklewatch.core.model import EngineVersion, FileId, Policy
    from picklewatch.queue.schedule import Schedule
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.actions import Actions
    from picklewatch.service.self_test_answers import SelfTestAnswers
    from picklewatch.store import Store
    from picklewatch.store.failures import StoreFailures

_RATE_SECONDS: Final = 60.0


class WatchFeedback(Protocol):
    """The part of watching that scans report to and ask; `picklewatch.watch.supervisor.WatchSupervisor` has it."""

    def unseen(self, path: str) -> None:
        """Take the path of a file that can't even be looked at: its directory may not be entered (any more)."""
        ...

    def unread(self, path: str, file: FileId | None) -> None:
        """Take a file that was recorded as unscannable because it may not be read."""
        ...

    def is_remote(self, path: str) -> bool:
        """Return True if *path* lies on a network file system."""
        ...


@dataclass(slots=True)
class ScanStatistics:
    """What was scanned since the daemon's start."""

    judged: int = 0
    """Outcomes recorded."""
    peak_kib: int = 0
    """The largest resident memory of a scanning process, files mapped by it included."""
    _at: deque[float] = field(default_factory=lambda: deque(maxlen=10_000))

    def note_outcome(self, now: float, *, fresh: bool) -> None:
        """Count an outcome; one that is not *fresh* was recorded before."""
        self.judged += fresh
        self._at.append(now)

    def per_second(self, now: float) -> float:
        """Return how many files were judged per second, over the last minute."""
        recent = [at for at in tuple(self._at) if now - at <= _RATE_SECONDS]
        return len(recent) / max(1.0, min(_RATE_SECONDS, now - recent[0])) if recent else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages that a job goes through. They outlive a change of the configuration."""

    store: Store
    store_failures: StoreFailures
    schedule: Schedule
    actions: Actions
    watch: WatchFeedback
    self_tests: SelfTestAnswers
    statistics: ScanStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanContext:
    """What a scan needs, as the configuration in force says."""

    make_scanner: Callable[[], ClosableScans]
    """Makes a scanner for one thread."""
    policy: Callable[[], Policy]
    engine: EngineVersion
    opens: Opens
    holds: Holds
    seconds: float
    """The wall-clock limit of one scan."""
    batch: int = 1
    """Small files that one process judges first, at most."""

    @property
    def patience(self) -> float:
        """Return the seconds after which a scan hangs: it is made three times if the file changes."""
        return 3 * self.seconds + 60.0
