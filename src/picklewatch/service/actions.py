"""Acts on a verdict: a line in the log, and, where the operator says so, the file's way into quarantine.

Everything is done from what the store has recorded, and may be done again: after a crash `Actions.catch_up` finds
what was recorded and not done.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import structlog

from picklewatch.access.open_file import Subject
from picklewatch.core.errors import StateError
from picklewatch.core.model import printable
from picklewatch.service.known_names import log_finished
from picklewatch.store.database import STORE_ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from picklewatch.core.model import Record
    from picklewatch.service.late_names import LateNames
    from picklewatch.service.moves import Mover
    from picklewatch.service.outcome_log import OutcomeLog
    from picklewatch.store import Finished
    from picklewatch.store.failures import StoreFailures

_log = structlog.get_logger()


class Actions:
    """Logs and moves. Threads may share it."""

    def __init__(self, outcomes: OutcomeLog, mover: Mover, late_names: LateNames) -> None:
        self.outcomes, self.mover, self._late_names = outcomes, mover, late_names

    def after(self, record: Record, finished: Finished, fd: int) -> bool:
        """Do what follows from a recorded outcome; *fd* was scanned.

        Return True if the file was moved.
        """
        if finished.fresh and not self._late_names.keep(finished.record, record):
            self.outcomes.report(finished.record, record.to_json())
        else:
            log_finished(record, finished)
        if record.file is None or not self.mover.wants(record):
            return False
        return self.mover.move(finished.record, Subject(fd, record.file, record.path))

    def after_harmless(self, outcomes: Iterable[tuple[Record, Finished]]) -> None:
        """Do what follows from recorded outcomes that move no file."""
        news = []
        for record, finished in outcomes:
            if finished.fresh and not self._late_names.keep(finished.record, record):
                news.append((finished.record, record.to_json()))
            else:
                log_finished(record, finished)
        self.outcomes.report_together(news)

    def catch_up(self) -> int:
        """Do what was recorded and not done.

        Return how many log lines and moves that were.
        """
        return self.outcomes.report_all() + self.mover.retry_all()


@contextlib.contextmanager
def failures_reported(failures: StoreFailures, path: str) -> Iterator[None]:
    """Report what fails in acting on the file *path*, and raise nothing: it is done later, from the record."""
    try:
        yield
    except STORE_ERRORS as error:
        failures.report(error)
    except StateError as error:
        failures.health.degrade("quarantine-store", error.message, hint=error.hint)
    except Exception:  # noqa: BLE001 - the verdict stands; the file is not at fault
        _log.exception("action.failed", path=printable(path))
        failures.health.count("action-errors")
