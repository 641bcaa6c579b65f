"""What follows from a move that was not made: it is closed, or tried again, and said either way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.core.model import printable
from picklewatch.quarantine.refusals import (
    ChangedError,
    DiskFailsError,
    KeptError,
    NotPermittedError,
    StoreFullError,
    UnfinishedError,
)
from picklewatch.service.move_pauses import FIRST_PAUSE, MovePauses

if TYPE_CHECKING:
    from picklewatch.core.errors import QuarantineError
    from picklewatch.store import Intent, Store
    from picklewatch.telemetry.health import Health

_log = structlog.get_logger()

FULL: Final = "quarantine-full"
DISK: Final = "quarantine-disk"
_REFUSED: Final = "quarantine-refused"


class MoveRefusals:
    """The refusals of moves. Threads may share it."""

    def __init__(self, store: Store, health: Health) -> None:
        self._store, self._health = store, health
        self._pauses = MovePauses()

    def close(self, intent: Intent, error: QuarantineError) -> bool:
        """Close the intent if another attempt can't help, and return True; others are tried again by `retry_all`."""
        path = printable(intent.path)
        if isinstance(error, (StoreFullError, DiskFailsError)):
            report_disk(self._health, error)
            return False
        if isinstance(error, UnfinishedError):
            _log.error("quarantine.unfinished", path=path, message=error.message, hint=error.hint or None)
            report_disk(self._health, error)
            return False
        if isinstance(error, NotPermittedError):
            self._not_permitted(intent, error)
            return False
        self._store.intents.refused(intent.id, error.message)
        kept = isinstance(error, KeptError)
        level = logging.WARNING if kept else logging.INFO if isinstance(error, ChangedError) else logging.ERROR
        verdict = intent.verdict.value
        _log.log(
            level, "quarantine.refused", path=path, verdict=verdict, message=error.message, hint=error.hint or None
        )
        return True

    def _not_permitted(self, intent: Intent, error: NotPermittedError) -> None:
        """Keep trying, less and less often, and report that a file that should be moved is still there."""
        subject, pause = printable(intent.path), self._pauses.put_off(intent.id, intent.path)
        self._store.intents.postponed(intent.id, error.message)
        if pause == FIRST_PAUSE:
            _log.error(
                "quarantine.refused",
                path=subject,
                verdict=intent.verdict.value,
                message=f"{error.message}; it is tried again",
                hint=error.hint or None,
            )
        self._health.degrade(_REFUSED, error.message, subject=subject, hint=error.hint)

    def is_due(self, intent: Intent) -> bool:
        """Return True unless the move of *intent* pauses."""
        return self._pauses.is_due(intent.id)

    def keep(self, intents: list[Intent]) -> None:
        """Forget the refusals of all moves but those that are still wanted."""
        open_ = {intent.id: printable(intent.path) for intent in intents}
        self._pauses.keep(open_)
        self._health.repair_all(_REFUSED, but=set(open_.values()))

    def forget(self, intent: Intent) -> None:
        """Forget that the move of *intent* was refused: it was made."""
        self._health.repair(_REFUSED, subject=printable(intent.path))


def report_disk(health: Health, error: QuarantineError) -> None:
    """Report that the vault's disk is full, or fails; the latter once for all files."""
    if isinstance(error, StoreFullError):
        health.degrade(FULL, error.message, hint=error.hint)
    elif DISK not in {problem.what for problem in health.problems}:
        health.degrade(DISK, error.message, hint=error.hint)
