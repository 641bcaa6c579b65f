"""Stores the candidates that watching finds as jobs for the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from picklewatch.core.candidate import Candidate, Source, UnavailableError
from picklewatch.core.model import printable
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.queue.schedule import Schedule
    from picklewatch.store import Store
    from picklewatch.store.failures import StoreFailures

_log = structlog.get_logger()


class CandidateQueue:
    """Queues what the watching threads find, for the engine *engine*. Threads may share it."""

    def __init__(self, store: Store, failures: StoreFailures, schedule: Schedule, engine: str) -> None:
        self._store, self._failures, self._schedule, self._engine = store, failures, schedule, engine

    def names_of(self, device: int, number: int) -> tuple[str, ...]:
        """Return the known paths of an inode, judged or waiting; none while the store can't be used."""
        try:
            job = self._store.jobs.of(device, number)
            judged = self._store.records.names_at(device, number)
        except STORE_ERRORS as error:
            self._failures.report(error)
            return ()
        return judged if job is None else (job.path, *judged)

    def offer(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Store candidates whose verdict is not known.

        Return those that did not wait before.

        Raises `UnavailableError` if the store can't be used now.
        """
        try:
            offered = self._store.jobs.offer(candidates, self._engine)
        except STORE_ERRORS as error:
            self._failures.report(error)
            raise UnavailableError from error
        except Exception:  # noqa: BLE001 - whatever it is: one file must not hold up the others
            if len(candidates) > 1:
                return tuple(queued for candidate in candidates for queued in self.offer([candidate]))
            _log.exception("watch.failed", path=printable(candidates[0].path))
            self._failures.health.count("watch-errors")
            return ()
        self._failures.resolved()
        if offered.queued or offered.waiting:
            announced = [candidate for candidate in candidates if candidate.source <= Source.EVENT]
            self._schedule.announce(announced or offered.queued)
        return offered.queued
