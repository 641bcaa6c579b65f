"""What follows from a verdict: a line in the log, and, where the operator says so, the file's way into quarantine.

Everything is done from what the store has recorded, and may be done again: after a crash `Actions.catch_up` finds
what was recorded and not done.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from picklewatch.access.open_file import OpenFailure, SubjectError, open_subject
from picklewatch.access.ownership import Tree, trees_of
from picklewatch.core.candidate import Source
from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import Verdict, printable
from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.moving import Suspect
from picklewatch.quarantine.refusals import (
    ChangedError,
    DiskFailsError,
    ForeignFileError,
    KeptError,
    OutsideError,
    StoreFullError,
    UnfinishedError,
)
from picklewatch.scanning.display_names import links_to
from picklewatch.telemetry.log import LEVEL_OF_VERDICT
from picklewatch.watch.caches import is_bookkeeping
from picklewatch.watch.identify import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import Record
    from picklewatch.quarantine.recovery import Recovery
    from picklewatch.store import Finished, Intent, Store
    from picklewatch.telemetry.health import Health

_log = structlog.get_logger()

FULL: Final = "quarantine-full"
DISK: Final = "quarantine-disk"
_NOT_TAKEN: Final = (State.MOVING, State.COPYING, State.COPIED)
"""States of an item whose file may still be where it was, or partly."""


_MOVING_SECONDS: Final = 5.0
"""How long a move waits for another one; then it is tried again later."""


class _Moved(Enum):
    YES = "yes"
    NO = "no"
    LATER = "later"


class Holds(Protocol):
    """A vault: `picklewatch.quarantine.vault.Vault`, or a fake in tests."""

    def quarantine(self, suspect: Suspect, *, tombstone: bool = True) -> Item:
        """Take a file in."""
        ...

    def items(self, *, history: bool = False) -> list[Item]:
        """What is held."""
        ...

    def recover(self) -> list[Recovery]:
        """End what was left unfinished."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator decided about moving files."""

    takes: Callable[[Verdict], bool] = lambda _verdict: False
    """Whether a file with this verdict is moved."""
    tombstones: bool = True
    """Whether a tombstone takes its place."""
    trees: Callable[[], tuple[Tree, ...]] = tuple
    """The directories that are watched; nothing outside of them is ever moved."""


class Actions:
    """Logs and moves. Threads may share it."""

    def __init__(self, store: Store, health: Health, vault: Callable[[], Holds]) -> None:
        self.rules = Rules()
        self._store = store
        self._health = health
        self._vault = vault
        self._moving = threading.Lock()
        self._retrying = threading.Lock()
        self._telling = threading.Lock()
        self._is_behind = False
        """Whether the log lacks outcomes that the store has."""

    def wants_move(self, record: Record) -> bool:
        """Whether the file of *record* is to be moved."""
        return record.file is not None and self.rules.takes(record.judgement.verdict)

    def after(self, record: Record, finished: Finished, fd: int) -> bool:
        """Do what follows from a recorded outcome; *fd* is the descriptor that was scanned. Whether it was moved."""
        told = record.to_json()
        if finished.fresh:
            self._report(finished.record, told)
        elif finished.was is not None:
            _log.info("file.renamed", path=told["path"], was=printable(finished.was), verdict=told["verdict"])
        wanted = self._store.intents.wanted(record=finished.record) if self.wants_move(record) else []
        return _Moved.YES in [self._move(intent, fd) for intent in wanted]

    def catch_up(self) -> int:
        """Do what was recorded and not done. How many log lines and moves."""
        done = 0
        while unreported := self._store.records.unreported():
            for number, told in unreported:
                if not self._report(number, told):
                    return done + self.retry_moves()
                done += 1
        return done + self.retry_moves()

    def report_missed(self, seconds: float) -> None:
        """Log, for *seconds* at most, the outcomes whose lines could not be written when they came."""
        if not self._is_behind:
            return
        end = time.monotonic() + seconds
        unreported = self._store.records.unreported()
        self._is_behind = False
        for number, told in unreported:
            if time.monotonic() > end or not self._report(number, told):
                self._is_behind = True
                return

    def retry_moves(self) -> int:
        """Try the moves that are still wanted; how many were closed. One attempt at a time."""
        if not self._retrying.acquire(blocking=False):
            return 0
        try:
            return self._retry_all(self._store.intents.wanted())
        finally:
            self._retrying.release()

    def _retry_all(self, wanted: list[Intent]) -> int:
        if not wanted:
            self._health.repair(FULL)
            self._health.repair(DISK)
            return 0
        self.recover()
        items = (item for item in self._vault().items(history=True) if item.state is not State.FOREIGN)
        held = {(item.path, item.inode, item.mtime_ns): item for item in items}
        return sum(self._retry(intent, held) for intent in wanted)

    def recover(self) -> None:
        """End the vault's unfinished steps; call it before anything is watched."""
        for recovery in self._vault().recover():
            _log.warning("quarantine.recovered", item=recovery.id, outcome=recovery.outcome, detail=recovery.detail)
        if self._store.set_aside is not None:
            self._allow_again()

    def _allow_again(self) -> None:
        """Vouch anew for what was given back: the database that knew was damaged, the vault's journals know, too."""
        known = self._store.allowed.all()
        for item in self._vault().items(history=True):
            if item.state is State.RESTORED and item.vouched and item.sha256 is not None and item.sha256 not in known:
                self._store.allowed.add(item.sha256, item.vouched)

    def _report(self, number: int, told: Mapping[str, Any]) -> bool:
        """Log a recorded outcome; whether the log has it now."""
        with self._telling:
            if not self._store.records.is_unreported(number):  # another thread was faster
                return True
            if self._log_outcome(told):
                self._store.records.reported(number)
                return True
            self._is_behind = True
            return False

    def _log_outcome(self, told: Mapping[str, Any]) -> bool:
        verdict = Verdict(told["verdict"])
        level = "debug" if _is_bookkeeping(told) else LEVEL_OF_VERDICT[verdict]
        if level == "info" and told["allowed"] and any(finding["level"] == "malicious" for finding in told["findings"]):
            level = "warning"  # harm that passes on the operator's word alone
        written = _log.log(logging.getLevelNamesMapping()[level.upper()], "file.scanned", **told)
        return written is not False  # None: nobody wants lines of this level

    def _retry(self, intent: Intent, held: Mapping[tuple[str, int, int], Item]) -> bool:
        """Move a file of an earlier run, or find that it was moved; whether the intent is closed now.

        It is among the *held* if a crash came between the move and the note of it.
        """
        item = held.get((intent.path, intent.file.inode, intent.file.mtime_ns))
        if item is not None:
            if item.state in _NOT_TAKEN:
                return False  # it could not be recovered just now
            self._store.intents.done(intent.id, item.id)
            return True
        if not (self.rules.takes(intent.verdict) and self._store.intents.is_wanted(intent.id)):
            self._store.intents.refused(intent.id, "it is not to be moved any more")
            return True
        try:
            with self._open(intent) as subject:
                return self._move(intent, subject.fd) is not _Moved.LATER
        except SubjectError as error:
            self._store.intents.refused(intent.id, error.message)
            self._store.records.judge_again(intent.file)  # it may have another name by now
            return True

    def _open(self, intent: Intent) -> Subject:
        """Open the file of *intent* under the first of its names that is still it. Raises `SubjectError`."""
        problem: SubjectError | None = None
        for path in (intent.path, *self._store.records.names(intent.file)):
            try:
                subject = open_subject(path, follow=False)
            except SubjectError as error:
                problem = problem or error
                continue
            if (subject.file.device, subject.file.inode) == (intent.file.device, intent.file.inode):
                return subject
            subject.close()
        raise problem or SubjectError(OpenFailure.CHANGED, intent.path, "it is another file by now")

    def _move(self, intent: Intent, fd: int) -> _Moved:
        """Move one file; the intent is closed now unless it is for later."""
        if not self._moving.acquire(timeout=_MOVING_SECONDS):
            return _Moved.LATER  # the other move is long, or its file system does not answer: no worker waits for it
        try:
            if not self._store.intents.is_wanted(intent.id):
                return _Moved.NO
            item = self._take(intent, fd)
        except QuarantineError as error:
            closed = self._refused(intent, error)
            if isinstance(error, ChangedError):
                self._judge_again(intent, fd)
            return _Moved.NO if closed else _Moved.LATER
        finally:
            self._moving.release()
        self._store.intents.done(intent.id, item.id)
        self._health.repair(FULL)
        self._health.repair(DISK)
        name = item.name or printable(item.path)
        _log.warning("quarantine.moved", **_moved(item), message=f"{name} is in quarantine")
        return _Moved.YES

    def _take(self, intent: Intent, fd: int) -> Item:
        """Take the file under the first of its names in a watched directory that may be taken.

        All names that are known decide: what was judged under a link's target, outside, may have one inside as well.
        """
        refusal: QuarantineError | None = None
        for path in self._names(intent):
            suspect = _suspect(intent, path, fd, self.rules.trees())
            if suspect is None:
                continue
            try:
                return self._vault().quarantine(suspect, tombstone=self.rules.tombstones)
            except (ChangedError, ForeignFileError) as error:
                if isinstance(error, KeptError):
                    raise
                refusal = refusal or error
        raise refusal or OutsideError("not moved: it lies outside of the watched directories")

    def _names(self, intent: Intent) -> Iterator[str]:
        """Give the names of the file: the judged one first, then those that are it now."""
        yield intent.path
        for path in self._store.records.names(intent.file):
            with contextlib.suppress(OSError, ValueError):
                status = os.lstat(path)
                if path != intent.path and (status.st_dev, status.st_ino) == (intent.file.device, intent.file.inode):
                    yield path

    def _refused(self, intent: Intent, error: QuarantineError) -> bool:
        """Close the intent if another attempt can't help; what can is tried again by `catch_up`."""
        path = printable(intent.path)
        if isinstance(error, StoreFullError):
            self._health.degrade(FULL, error.message, hint=error.hint)
            return False
        if isinstance(error, DiskFailsError):
            self._degrade_once(error)
            return False
        if isinstance(error, UnfinishedError):
            _log.error("quarantine.unfinished", path=path, message=error.message, hint=error.hint or None)
            self._degrade_once(error)
            return False
        self._store.intents.refused(intent.id, error.message)
        kept = isinstance(error, KeptError)
        level = logging.WARNING if kept else logging.INFO if isinstance(error, ChangedError) else logging.ERROR
        verdict = intent.verdict.value
        _log.log(
            level, "quarantine.refused", path=path, verdict=verdict, message=error.message, hint=error.hint or None
        )
        return True

    def _degrade_once(self, error: QuarantineError) -> None:
        """Say that a disk fails; one file stands for all."""
        if DISK not in {problem.what for problem in self._health.problems}:
            self._health.degrade(DISK, error.message, hint=error.hint)

    def _judge_again(self, intent: Intent, fd: int) -> None:
        """Have a file judged again, where it is now, that was not where it was: moving it about saves nothing."""
        self._store.records.judge_again(intent.file)
        try:
            path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - as os.fsdecode gives it
        except OSError:
            return
        found = identify(path, Source.WALK)
        same = found is not None and (found.file.device, found.file.inode) == (intent.file.device, intent.file.inode)
        if found is not None and same and trees_of(path, self.rules.trees()):
            self._store.jobs.put(found)


def _suspect(intent: Intent, path: str, fd: int, trees: Iterable[Tree]) -> Suspect | None:
    """Describe the file of *intent*, by its name *path*; None if no watched directory has that."""
    having = trees_of(path, trees)
    if not having or path == having[0].path:
        return None
    told, root = intent.told, having[0]
    return Suspect(
        root=root.path,
        relative=path[len(root.path.rstrip("/")) + 1 :],
        fd=fd,
        scanned=intent.file,
        verdict=intent.verdict,
        reasons=tuple(told["reasons"]),
        sha256=intent.sha256,
        name=told["name"],
        names=tuple(name for name in dict.fromkeys((*told["names"], *links_to(path))) if name != path),
        identity=root.identity,
        owners=tuple(tree.owner for tree in having),
    )


_TOLD: Final = ("id", "path", "name", "names", "verdict", "reasons", "sha256", "size", "links", "times")


def _moved(item: Item) -> dict[str, Any]:
    told = item.to_json()
    return {key: told[key] for key in _TOLD}


def _is_bookkeeping(told: Mapping[str, Any]) -> bool:
    """Whether this is our tombstone, or a cache's own file with nothing in it that a loader runs: not news.

    It is judged and recorded like any other; only its line has the level ``debug``.
    """
    if told["verdict"] != Verdict.SKIPPED.value:
        return False
    return told["format"] == "tombstone" or is_bookkeeping(str(told["path"]))
