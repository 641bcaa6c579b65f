"""Workers over a real store, with fake scanners."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from support.watching import ENGINE, PATIENCE, FakeScanner, LocalWatch, make_candidate

from picklewatch.access.held_directory import hold_directory
from picklewatch.access.open_file import Subject, open_subject
from picklewatch.core.candidate import Source
from picklewatch.core.model import Policy
from picklewatch.quarantine.vault import Vault
from picklewatch.queue.schedule import Schedule
from picklewatch.service.actions import Actions
from picklewatch.service.late_names import LateNames
from picklewatch.service.moves import Mover
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.service.quarantine_policy import QuarantinePolicy
from picklewatch.service.scan_context import ScanContext, ScanStatistics, Stages
from picklewatch.service.scan_workers import Workers
from picklewatch.service.self_test_answers import SelfTestAnswers
from picklewatch.store import Store
from picklewatch.store.failures import StoreFailures
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from picklewatch.access.following import Identity


class Pool:
    """Workers over a real store, with fake scanners."""

    def __init__(
        self,
        directory: Path,
        scanner: Callable[[], FakeScanner] = FakeScanner,
        workers: int = 1,
        *,
        batch: int = 1,
        start: bool = True,
    ) -> None:
        self.open: Callable[[str], Subject] = open_subject
        """How files are opened."""
        self.health = Health()
        self.store = Store(directory)
        mover = Mover(self.store, self.health, lambda: Vault(directory / "vault"), QuarantinePolicy)
        outcomes = OutcomeLog(self.store)
        stages = Stages(
            store=self.store,
            store_failures=StoreFailures(self.store, self.health),
            schedule=Schedule(self.store),
            actions=Actions(outcomes, mover, LateNames(self.store, outcomes)),
            watch=LocalWatch(),
            self_tests=SelfTestAnswers(
                self.store, directory / "canary", lambda: Vault(directory / "vault"), QuarantinePolicy
            ),
            statistics=ScanStatistics(),
        )
        self.schedule = stages.schedule
        context = ScanContext(
            make_scanner=scanner,
            policy=Policy,
            engine=ENGINE,
            opens=self._open,
            holds=hold_directory,
            seconds=1.0,
            batch=batch,
        )
        self.workers = Workers(stages, context, workers)
        if start:
            self.workers.start()

    def _open(self, path: str, _identity: Identity, _more: Callable[[], Iterable[str]]) -> Subject:
        return self.open(path)

    def put(self, path: Path, content: bytes) -> None:
        """Write a file and queue it."""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        self.store.jobs.offer([make_candidate(path)], ENGINE.key)
        self.workers.wake()

    def announce(self, *paths: Path, source: Source = Source.WALK, owner: int | None = None) -> None:
        """Queue files that are there, as their finder does."""
        found = [make_candidate(path, source) for path in paths]
        if owner is not None:
            found = [replace(candidate, owner=owner) for candidate in found]
        self.store.jobs.offer(found, ENGINE.key)
        self.schedule.announce(found)

    def verdicts(self) -> dict[str, str]:
        """Every path with its verdict."""
        return {record["path"]: record["verdict"] for record in self.store.records.latest(limit=1_000)}

    def stop(self) -> None:
        """End it."""
        self.workers.ask_to_stop()
        assert self.workers.join(PATIENCE)
        self.workers.cancel()
        self.store.close()
