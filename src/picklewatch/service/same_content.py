"""Recognises a judged content by its digest when only a file's links, rights or owner changed.

`chgrp -R` and `cp -al` move nothing but the time of change, and so does a hostile writer who sets the other one back.
No cheaper sign tells them apart: see docs/decisions/0010-only-the-digest-is-trusted.md.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from picklewatch.access.digest import sha256_within
from picklewatch.scanning.remote_files import LOOK_SECONDS

if TYPE_CHECKING:
    from picklewatch.access.open_file import Subject
    from picklewatch.queue.schedule import Claim
    from picklewatch.service.scan_context import ScanContext, Stages

_TICK_NS: Final = 20_000_000
"""Nanoseconds after which a change has another ctime: kernels before 6.13 have a clock of 1 to 10 ms for it."""


class SameContent:
    """The test of whether an opened file still has its verdict. Threads may share it."""

    def __init__(self, stages: Stages, context: ScanContext) -> None:
        self._stages, self._context = stages, context

    def is_settled(self, claim: Claim, subject: Subject) -> bool:
        """Return True if *subject* need not be scanned; its content is hashed if that can tell.

        Raises what `Schedule.check_in` does: a large file gives way to others as a scan does.
        """
        jobs, engine = self._stages.store.jobs, self._context.engine.key
        if jobs.is_settled(subject.file, claim.job.path, engine):
            return True
        return self._is_same(claim, subject) and jobs.is_settled(subject.file, claim.job.path, engine)

    def _is_same(self, claim: Claim, subject: Subject) -> bool:
        records = self._stages.store.records
        sha256 = records.digest_before(subject.file, self._context.engine.key)
        if sha256 is None:
            return False
        patience = 3 * LOOK_SECONDS if self._stages.watch.is_remote(claim.job.path) else self._context.patience

        def tick() -> None:
            claim.enter_step(patience)
            self._stages.schedule.check_in(claim)

        if 0 < (left := subject.file.ctime_ns + _TICK_NS - time.time_ns()) <= _TICK_NS:
            time.sleep(left / 1e9)  # what is written behind our reading must not have the state that is confirmed
        try:
            now = sha256_within(subject.fd, self._context.seconds, tick)
        except OSError:
            return False
        if now != sha256 or subject.again().file != subject.file:
            return False
        records.confirm(subject.file)
        return True
