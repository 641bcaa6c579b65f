"""Answers `picklewatch doctor`: its self-test file is judged and moved like any other, and leaves no trace.

Nobody else can make such a file. It lies in the canary's directory, into which only the daemon's own user can put
something, belongs to that user or root, has no other name, and consists of known harmless bytes. Where one of these is
missing, as with the same bytes in a cache or other bytes under the same name, the file is recorded as always.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import structlog

from picklewatch.access.ownership import Tree
from picklewatch.core.errors import QuarantineError, StateError
from picklewatch.core.model import Verdict, printable
from picklewatch.core.self_test_file import ANSWER, CONTENT, SelfTestAnswer
from picklewatch.quarantine.moving import Suspect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import Record
    from picklewatch.service.quarantine_policy import QuarantinePolicy, SupportsQuarantine
    from picklewatch.store import Store

_log = structlog.get_logger()


class SelfTestAnswers:
    """Knows the files of the self-test, and answers through the store. Threads may share it."""

    def __init__(
        self,
        store: Store,
        canary: Path,
        vault: Callable[[], SupportsQuarantine],
        policy: Callable[[], QuarantinePolicy],
    ) -> None:
        self._store, self._vault, self._policy = store, vault, policy
        self._directory = os.path.realpath(canary)

    def is_place(self, path: str) -> bool:
        """Return True if *path* lies where self-tests are made: that something is gone there is no news."""
        return os.path.dirname(path) == self._directory  # noqa: PTH120 - no object is needed

    def is_self_test(self, subject: Subject) -> bool:
        """Return True if *subject* is a self-test file; the module says how that is known."""
        if not self.is_place(subject.path) or not self._is_private():
            return False
        status = os.fstat(subject.fd)
        if status.st_nlink > 1 or not _is_ours(status):
            return False
        return status.st_size == len(CONTENT) and os.pread(subject.fd, len(CONTENT) + 1, 0) == CONTENT

    def is_left_over(self, record: Record) -> bool:
        """Return True if *record* is about the tombstone that a self-test has for a moment."""
        is_tombstone = record.report.format == "tombstone" and record.judgement.verdict is Verdict.SKIPPED
        return is_tombstone and self.is_place(record.path) and self._is_private()

    def answer(self, record: Record, fd: int) -> None:
        """Act on the *record* of a self-test file, whose descriptor is *fd*, and tell the doctor how that went."""
        moved, problem = False, ""
        if self._policy().takes(record.judgement.verdict):
            try:
                self._move(record, fd)
                moved = True
            except (QuarantineError, StateError) as error:
                problem = error.message
        verdict, reasons = record.judgement.verdict.value, record.judgement.reasons
        told = SelfTestAnswer(path=record.path, verdict=verdict, reasons=reasons, moved=moved, problem=problem)
        self._store.put_state(ANSWER, told.to_json())
        _log.debug("daemon.self-test", path=printable(record.path), verdict=verdict, moved=moved)

    def _move(self, record: Record, fd: int) -> None:
        """Move the file into the vault, and delete it there with its history."""
        assert record.file is not None
        status = os.lstat(self._directory)
        suspect = Suspect(
            trees=(Tree(self._directory, (status.st_dev, status.st_ino)),),
            relative=os.path.basename(record.path),  # noqa: PTH119 - no object is needed
            fd=fd,
            scanned=record.file,
            verdict=record.judgement.verdict,
            reasons=record.judgement.reasons,
            sha256=record.report.sha256,
        )
        vault = self._vault()
        with vault.take(suspect, tombstone=self._policy().tombstones) as taking:
            item = taking.finish()
        vault.discard(item.id)

    def _is_private(self) -> bool:
        """Return True if nobody but the daemon's user and root can put files into the directory."""
        try:
            status = os.lstat(self._directory)
        except OSError:
            return False
        is_closed = not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        return stat.S_ISDIR(status.st_mode) and _is_ours(status) and is_closed


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (0, os.geteuid())
