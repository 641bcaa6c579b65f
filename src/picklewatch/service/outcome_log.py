"""Logs every recorded outcome, once: a line that the log does not take is written later, from the record."""

from __future__ import annotations

import logging
import threading
import time
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import structlog

from picklewatch.core.found_record import record_id
from picklewatch.core.model import Outcome, Verdict
from picklewatch.explain.code_groups import is_mere_code
from picklewatch.telemetry.log import LEVEL_OF_VERDICT
from picklewatch.watch.caches import is_bookkeeping

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from picklewatch.store import Store

_log = structlog.get_logger()


class OutcomeLog:
    """The log lines of the store's records. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reporting = threading.Lock()
        self._is_behind = False
        """True if the log lacks outcomes that the store has."""

    def report(self, number: int, fields: Mapping[str, Any]) -> bool:
        """Log a recorded outcome.

        Return True if the log has it now.
        """
        return self.report_together([(number, fields)])

    def report_together(self, outcomes: Iterable[tuple[int, Mapping[str, Any]]]) -> bool:
        """Log recorded outcomes, each a record's number and fields, and note that in one transaction.

        Return True if the log has all of them now.
        """
        with self._reporting:
            outcomes = tuple(outcomes)
            unreported = self._store.records.unreported_of(number for number, _ in outcomes)
            missing = [outcome for outcome in outcomes if outcome[0] in unreported]
            written = [number for number, _ in takewhile(lambda outcome: self._log_outcome(*outcome), missing)]
            if written:
                self._store.records.reported(*written)
            is_whole = len(written) == len(missing)  # what another thread has logged is not missing
            self._is_behind = self._is_behind or not is_whole
            return is_whole

    def report_all(self) -> int:
        """Log what was recorded and not logged, until the log takes no more.

        Return how many lines.
        """
        done = 0
        while unreported := self._store.records.unreported():
            for number, fields in unreported:
                if not self.report(number, fields):
                    return done
                done += 1
        return done

    def report_missed(self, seconds: float) -> None:
        """Log, for *seconds* at most, the outcomes whose lines could not be written when they came."""
        if not self._is_behind:
            return
        end = time.monotonic() + seconds
        unreported = self._store.records.unreported()
        self._is_behind = False
        for number, fields in unreported:
            if time.monotonic() > end or not self.report(number, fields):
                self._is_behind = True
                return

    def _log_outcome(self, number: int, fields: Mapping[str, Any]) -> bool:
        verdict, outcome = Verdict(fields["verdict"]), Outcome(fields.get("outcome", fields["verdict"]))
        level = "debug" if _is_bookkeeping(fields) or _is_own_source(fields) else LEVEL_OF_VERDICT[outcome.effective]
        if level == "info" and verdict is Verdict.MALICIOUS:
            level = "warning"  # harm that passes on the operator's word alone
        written = _log.log(
            logging.getLevelNamesMapping()[level.upper()], "file.scanned", id=record_id(number), **fields
        )
        return written is not False  # None: nobody wants lines of this level


def _is_own_source(fields: Mapping[str, Any]) -> bool:
    """Return True for source code in a folder of the user's own, such as ``~/src``, in which no harm was found."""
    return not fields.get("name") and is_mere_code(fields)


def _is_bookkeeping(fields: Mapping[str, Any]) -> bool:
    """Return True for our tombstone, and for a cache's own file with nothing in it that a loader runs: not news.

    It is judged and recorded like any other; only its line has the level ``debug``.
    """
    if fields["verdict"] != Verdict.SKIPPED.value:
        return False
    return fields["format"] == "tombstone" or is_bookkeeping(str(fields["path"]))
