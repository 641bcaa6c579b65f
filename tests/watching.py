"""Helpers of the tests of watching, storing and running."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self

from picklewatch.health import Health
from picklewatch.model import EngineVersion, FileId, Finding, Judgement, Level, Record, ScanReport, Verdict
from picklewatch.settle import DEFAULT_DELAYS
from picklewatch.watch.candidate import Candidate, Source, UnavailableError
from picklewatch.watch.intake import Intake
from picklewatch.watch.roots import Root
from picklewatch.watch.walk import Walker
from picklewatch.watch.watcher import Timing, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ENGINE = EngineVersion(picklewatch="0.0", fickling="0.1.12", rules="0123456789ab")


def make_record(
    path: str, file: FileId | None, verdict: Verdict = Verdict.CLEAN, sha256: str | None = "ab" * 32
) -> Record:
    """An outcome as a scan would give it."""
    findings: tuple[Finding, ...] = ()
    if verdict.rank > Verdict.CLEAN.rank:
        level = Level(verdict.value)
        findings = (Finding(rule="unsafe-import", level=level, where="0x0", summary="imports os.system"),)
    report = ScanReport(format="pickle", complete=True, code_bearing=True, findings=findings, sha256=sha256)
    judgement = Judgement(verdict=verdict, reasons=tuple(finding.rule for finding in findings))
    size = 0 if file is None else file.size
    return Record(path=path, name=None, report=report, judgement=judgement, size=size, engine=ENGINE, file=file)


def make_candidate(path: Path, source: Source = Source.EVENT) -> Candidate:
    """The candidate that *path* is now."""
    return Candidate(str(path), FileId.of(os.lstat(path)), source)


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether *check* comes true within *seconds*."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if check():
            return True
        time.sleep(0.02)
    return check()


class Watching:
    """The whole watching side on real directories, with a list in place of the store."""

    def __init__(
        self,
        state: Path,
        *roots: Path,
        excluded: Callable[[str], bool] = lambda _path: False,
        timing: Timing | None = None,
    ) -> None:
        self.health = Health()
        self.offered: list[Candidate] = []
        self._known: set[FileId] = set()
        self.unavailable = False
        self.intake = Intake(self._offer, self.health, delays=DEFAULT_DELAYS, excluded=excluded)
        self.walker = Walker(self.intake.found, self.health, excluded=excluded)
        self.watcher = Watcher(
            self.walker, self.health, canary=state / "canary", sink=self.intake.sink, timing=timing or Timing(poll=0.3)
        )
        self.watcher.set_roots([Root(str(root)) for root in roots])

    def __enter__(self) -> Self:
        self.walker.start()
        self.intake.start(self.watcher, self.walker)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.walker.stop()
        self.intake.stop()

    def _offer(self, candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
        if self.unavailable:
            raise UnavailableError
        fresh = tuple(candidate for candidate in candidates if candidate.file not in self._known)
        self._known.update(candidate.file for candidate in fresh)
        self.offered += fresh
        return fresh

    def paths(self) -> list[str]:
        """The paths offered so far, each state once."""
        return [candidate.path for candidate in self.offered]

    def last(self, path: Path) -> Candidate:
        """The last offer of *path*."""
        return next(candidate for candidate in reversed(self.offered) if candidate.path == str(path))

    def wait_ready(self) -> bool:
        """Whether watching becomes ready in time."""
        return eventually(self.watcher.is_ready)

    def wait_for(self, *paths: Path, seconds: float = 10.0) -> bool:
        """Whether all *paths* are offered in time."""
        wanted = {str(path) for path in paths}
        return eventually(lambda: wanted <= set(self.paths()), seconds)
