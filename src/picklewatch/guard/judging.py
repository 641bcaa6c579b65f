"""Judges one content for the openers that wait for it, as every other content is judged."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from picklewatch.access.digest import sha256_within
from picklewatch.access.open_file import OpenFailure, Subject
from picklewatch.core.model import FileId
from picklewatch.core.policy import decide
from picklewatch.guard.states import STATE, Answer, JudgedState, Question
from picklewatch.scanning.scan_file import scan_stable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.core.model import Judgement, Policy, ScanReport, Verdict
    from picklewatch.sandbox import Scanner
    from picklewatch.scanning.scan_file import Scans

_DIGEST_SECONDS: Final = 600.0
_COARSE: Final = 5
"""``CLOCK_REALTIME_COARSE``, by which file systems keep times."""
_TICKS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """What the judge goes by."""

    make_scanner: Callable[[], Scanner]
    policy: Policy
    configured: Policy
    """The configuration's alone: what else is allowed, the daemon tells."""
    deny: Verdict
    """The lowest verdict that is refused."""
    workers: int
    """Scanners; two at least."""
    socket: Path
    """The directory in which the daemon finds the guard."""


def judge_content(
    question: Question, fd: int, scanner: Scans, settings: JudgeSettings
) -> tuple[JudgedState, Judgement]:
    """Judge the content behind *fd*, the event's own descriptor: opening the path again would ask, and wait for, us.

    Raises `picklewatch.core.errors.Error` and `OSError` if nothing can be scanned now.
    """
    is_old = wait_for_tick(os.fstat(fd).st_ctime_ns)
    first = Subject(fd, FileId.of(os.fstat(fd)), os.fsdecode(question.path))
    subject, report = scan_stable(first, scanner, settings.policy)
    judgement = decide(_with_digest(report, subject, settings), settings.policy)
    has_changed = OpenFailure.CHANGED.value in judgement.reasons
    is_denied = judgement.effective.rank >= settings.deny.rank
    answer = Answer.DENY if is_denied else Answer.LATE if has_changed else Answer.ALLOW
    keep = is_old and not has_changed and subject.file == first.file
    return JudgedState(answer, keep, question.state, _state(subject.file)), judgement


def wait_for_tick(ctime_ns: int) -> bool:
    """Wait until a change would get a later time than *ctime_ns*; return False if it is in the future.

    File systems keep times by the ticks of the clock: what is written twice within one has one state, with two
    contents.
    """
    tick = time.clock_getres(_COARSE)
    for _ in range(_TICKS):
        if time.clock_gettime_ns(_COARSE) > ctime_ns:
            return True
        time.sleep(tick)
    return False


def _state(file: FileId) -> bytes:
    return STATE.pack(file.device, file.inode, file.size, file.mtime_ns, file.ctime_ns)


def _with_digest(report: ScanReport, subject: Subject, settings: JudgeSettings) -> ScanReport:
    """Return *report* with the content's digest where only that can say that the operator has allowed it."""
    is_denied = decide(report, settings.policy).effective.rank >= settings.deny.rank
    if not is_denied or report.sha256 is not None or not settings.policy.may_allow(subject.file.size):
        return report
    with contextlib.suppress(OSError):
        return replace(report, sha256=sha256_within(subject.fd, _DIGEST_SECONDS))
    return report
