"""Acts on a verdict: a line in the log, and, where the operator says so, the file's way into quarantine.

Everything is done from what the store has recorded, and may be done again: after a crash `Actions.catch_up` finds
what was recorded and not done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.service.known_names import log_finished

if TYPE_CHECKING:
    from picklewatch.core.model import Record
    from picklewatch.service.late_names import LateNames
    from picklewatch.service.moves import Mover
    from picklewatch.service.outcome_log import OutcomeLog
    from picklewatch.store import Finished


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
        return self.mover.wants(record) and self.mover.move(finished.record, fd)

    def catch_up(self) -> int:
        """Do what was recorded and not done.

        Return how many log lines and moves that were.
        """
        return self.outcomes.report_all() + self.mover.retry_all()
