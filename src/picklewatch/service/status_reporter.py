"""Writes down how the daemon is doing: for `picklewatch status`, the service manager, and the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.core.errors import StateUnavailableError
from picklewatch.service.interval import Interval
from picklewatch.store.database import STORE_ERRORS
from picklewatch.telemetry.log.logging_setup import OUTLET

if TYPE_CHECKING:
    from picklewatch.service.daemon_status import Snapshot
    from picklewatch.service.outcome_log import OutcomeLog
    from picklewatch.service.scan_workers import Workers
    from picklewatch.service.state_hold import StateHold
    from picklewatch.telemetry.health import Health
    from picklewatch.telemetry.sd_notify import Notifier
    from picklewatch.watch.supervisor import WatchSupervisor

_log = structlog.get_logger()

_PROGRESS_SECONDS: Final = 10.0
_MISSED_LINES_SECONDS: Final = 0.2


class StatusReporter:
    """Reports every few seconds, and notices when the state directory is taken away."""

    def __init__(
        self, hold: StateHold, health: Health, notifier: Notifier, snapshot: Snapshot, outcomes: OutcomeLog
    ) -> None:
        self._hold, self._health, self._notifier, self._snapshot = hold, health, notifier, snapshot
        self._outcomes = outcomes
        self._progress = Interval(_PROGRESS_SECONDS)
        self._is_waiting = False

    def report(self, now: float, workers: Workers, watching: WatchSupervisor, *, ready: bool) -> bool:
        """Report everything.

        Return True if the store could be written.

        Raises `StateError` if another daemon has the state directory by now.
        """
        try:
            self._hold.keep(self._health)
            self._hold.failures.check_files()
            changes = watching.changes
            self._snapshot.write(workers, watching.roots, watching.walking(), ready=ready, changes=changes)
            self._hold.failures.resolved()
        except STORE_ERRORS as error:
            self._hold.failures.report(error)
            return False
        except StateUnavailableError as error:
            self._health.degrade("store-unwritable", error.message, hint=error.hint)
            return False
        finally:  # the manager hears what is wrong even if the store can't be written
            self._notifier.status(self._snapshot.line())
        self._log_progress(now, workers)
        return True

    def _log_progress(self, now: float, workers: Workers) -> None:
        """Log how far the queue is, unless it was empty at the last look."""
        if self._snapshot.queue <= workers.files_claimed() or not self._progress.is_due(now):
            return
        if self._is_waiting:
            _log.info("scan.progress", **self._snapshot.progress(now, workers))
        self._is_waiting = True

    def look_after_log(self) -> None:
        """Report a log that can't be written, and write what it missed when it can again."""
        OUTLET.retry()
        try:
            self._outcomes.report_missed(_MISSED_LINES_SECONDS)
        except STORE_ERRORS as error:
            self._hold.failures.report(error)
        trouble = OUTLET.trouble
        if trouble is None:
            self._health.repair("log-unwritable")
            return
        hint = "Nothing else waits for it. The verdicts that it misses are written to it later."
        self._health.degrade("log-unwritable", f"the log can't be written: {trouble}", hint=hint)
