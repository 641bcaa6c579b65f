"""Moves files into quarantine, as the operator's policy and the recorded intents say.

Every move follows an intent that is on the disk, and may be tried again: after a crash, or when a disk has room.
"""

from __future__ import annotations

import os
import threading
from enum import Enum
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.access import leases
from picklewatch.access.open_file import OpenFailure, SubjectError, open_subject
from picklewatch.access.ownership import Tree, trees_of
from picklewatch.core.errors import QuarantineError
from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.moving import Suspect
from picklewatch.quarantine.refusals import (
    ChangedError,
    ForeignFileError,
    KeptError,
    OutsideError,
)
from picklewatch.scanning.display_names import links_to
from picklewatch.service.move_refusals import MoveRefusals
from picklewatch.service.moved_contents import MovedContents
from picklewatch.service.other_names import OtherNames, leads_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import Record, Verdict
    from picklewatch.quarantine.taking import Taking
    from picklewatch.service.quarantine_policy import QuarantinePolicy, SupportsQuarantine
    from picklewatch.store import Intent, Store
    from picklewatch.telemetry.health import Health

_log = structlog.get_logger()

_NOT_TAKEN: Final = (State.MOVING, State.COPYING)
"""States of an item whose file may still be where it was."""
_UNFINISHED: Final = (State.TAKEN, State.COPIED)
"""States of an item whose file has lost its name, and whose content is to follow."""
_MOVING_SECONDS: Final = 5.0
"""Seconds that a move waits for another one; then it is tried again later."""


class _Moved(Enum):
    YES = "yes"
    NO = "no"
    LATER = "later"


class Mover:
    """Moves files, one at a time. Threads may share it."""

    def __init__(
        self,
        store: Store,
        health: Health,
        vault: Callable[[], SupportsQuarantine],
        policy: Callable[[], QuarantinePolicy],
    ) -> None:
        """*vault* and *policy* return what is in force; the vault may be unavailable (`StateError`)."""
        self._store, self._vault, self._policy = store, vault, policy
        self.contents = MovedContents(store, health, vault)
        self.names = OtherNames(store, vault, policy)
        self._refusals = MoveRefusals(store, health)
        self._moving = threading.Lock()
        self._retrying = threading.Lock()

    def wants(self, record: Record) -> bool:
        """Return True if the file of *record* is to be moved."""
        return record.file is not None and self.takes(record.judgement.effective)

    def takes(self, verdict: Verdict) -> bool:
        """Return True if a file with this *verdict* is to be moved."""
        return self._policy().takes(verdict)

    def move(self, record: int, subject: Subject) -> bool:
        """Move the file of *record*, which was scanned as *subject*, if that is wanted.

        Return True if it was.
        """
        wanted = self._store.intents.wanted(record=record)
        return _Moved.YES in [self._move(intent, subject, self._follow) for intent in wanted]

    def take(self, record: int, subject: Subject, *, seen_again: bool = False) -> Taking | None:
        """Do the same while the file is still read, and leave the content where it is.

        What changed meanwhile stays wanted: `move` decides when the scan has ended. It is taken all the same if two
        scans have *seen* its harm. The caller must let `contents` end what it gets.
        """
        taken: list[Taking] = []
        for intent in self._store.intents.wanted(record=record):
            self._move(intent, subject, taken.append, is_last=False, seen_again=seen_again)
        return taken[0] if taken else None

    def retry_all(self) -> int:
        """Try the moves that are still wanted.

        Return how many were closed; 0 if another thread tries them.
        """
        if not self._retrying.acquire(blocking=False):
            return 0
        try:
            self.contents.try_again()
            return self._retry_wanted(self._store.intents.wanted())
        finally:
            self._retrying.release()

    def _retry_wanted(self, wanted: list[Intent]) -> int:
        if not wanted:
            self.contents.repair()
            self._refusals.keep([])
            return 0
        due = [intent for intent in wanted if self._refusals.is_due(intent)]
        if not due:
            return 0
        self.recover()
        items = (item for item in self._vault().items(history=True) if _keeps_its_file(item))
        held = {(item.path, item.inode, item.mtime_ns): item for item in items}
        closed = sum(self._retry(intent, held) for intent in due)
        self._refusals.keep(self._store.intents.wanted())
        return closed

    def recover(self) -> None:
        """Complete or undo the vault's unfinished steps; call it before anything is watched."""
        for recovery in self._vault().recover(whole=False):
            _log.warning("quarantine.recovered", item=recovery.id, outcome=recovery.outcome, detail=recovery.detail)
        self.contents.expect(item.id for item in self._vault().items() if item.state in _UNFINISHED)
        if self._store.set_aside is not None:
            self._allow_again()

    def _allow_again(self) -> None:
        """Vouch again for restored contents: the database was damaged, but the vault's journals have them, too."""
        known = self._store.allowed.all()
        for item in self._vault().items(history=True):
            if item.state is State.RESTORED and item.vouched and item.sha256 is not None and item.sha256 not in known:
                self._store.allowed.add(item.sha256, item.vouched, item.size)

    def _retry(self, intent: Intent, held: Mapping[tuple[str, int, int], Item]) -> bool:
        """Move a file of an earlier run, or find that it was moved.

        Return True if the intent is closed now.

        It is among the *held* if a crash came between the move and the note of it.
        """
        item = held.get((intent.path, intent.file.inode, intent.file.mtime_ns))
        if item is not None and item.id != intent.item and _is_same(item.sha256, intent.sha256):
            if item.state in _NOT_TAKEN:
                return False  # it could not be recovered just now
            self._store.intents.done(intent.id, item.id, intent.file)
            return True
        if not (self._policy().takes(intent.verdict) and self._store.intents.is_wanted(intent.id)):
            self._store.intents.refused(intent.id, "it is not to be moved any more")
            return True
        try:
            with self._open(intent) as subject:
                return self._move(intent, subject, self._follow) is not _Moved.LATER
        except SubjectError as error:
            self._store.intents.refused(intent.id, error.message)
            self._store.records.judge_again(intent.file)  # it may have another name by now
            return True

    def _open(self, intent: Intent) -> Subject:
        """Open the file of *intent* under the first of its names that is still it.

        Raises `SubjectError`.
        """
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

    def _move(
        self,
        intent: Intent,
        subject: Subject,
        then: Callable[[Taking], None],
        *,
        is_last: bool = True,
        seen_again: bool = False,
    ) -> _Moved:
        """Move one file, and do *then* what follows; the intent is closed unless the move is for later.

        A file that changed is for later, too, if this is not the *last* attempt.
        """
        if not self._moving.acquire(timeout=_MOVING_SECONDS):
            return _Moved.LATER  # the other's file system does not answer: no worker waits for it
        try:
            if not self._store.intents.is_wanted(intent.id):
                return _Moved.NO
            taking = self._take(intent, subject, seen_again=seen_again)
        except QuarantineError as error:
            is_changed = isinstance(error, ChangedError)
            if is_changed and not (is_last or isinstance(error, KeptError)):
                return _Moved.LATER
            closed = self._refusals.close(intent, error)
            if is_changed:
                self.names.judge_again(intent, subject.fd)
            return _Moved.NO if closed else _Moved.LATER
        finally:
            leases.release(subject.fd)  # disarming hard links writes to the file
            self._moving.release()
        try:
            self._store.intents.done(intent.id, taking.item.id, intent.file)
        except BaseException:
            taking.close()
            raise
        self._refusals.forget(intent)
        then(taking)
        if taking.item.copied:  # other names keep the content
            self.names.judge_other(intent.file, {os.path.join(taking.item.root, taking.item.relative)})  # noqa: PTH118
        return _Moved.YES

    def _follow(self, taking: Taking) -> None:
        self.contents.report(self.contents.end(taking))

    def _take(self, intent: Intent, subject: Subject, *, seen_again: bool) -> Taking:
        """Take the file under the first of its names in a watched directory that may be taken.

        All names that are known decide: what was judged under a link's target, outside, may have one inside as well.
        """
        refusal: QuarantineError | None = None
        for path in self._places(intent, subject.path):
            suspect = _suspect(intent, path, subject.fd, self._policy().trees(), seen_again=seen_again)
            if suspect is None:
                continue
            try:
                return self._vault().take(suspect, tombstone=self._policy().tombstones)
            except (ChangedError, ForeignFileError) as error:
                if isinstance(error, KeptError):
                    raise
                refusal = refusal or error
        raise refusal or OutsideError("not moved: it lies outside of the watched directories")

    def _places(self, intent: Intent, scanned: str) -> Iterator[str]:
        """Give the names of the file: the judged one first, then those that are it now.

        The one that it was *scanned* under may be new: the record is of an earlier name until the scan has ended, and
        no more than some other names are remembered.
        """
        yield intent.path
        for path in dict.fromkeys((scanned, *self._store.records.names(intent.file))):
            if path != intent.path and leads_to(path, intent.file):
                yield path


def _is_same(one: str | None, other: str | None) -> bool:
    """Return True if two digests may be of one content."""
    return one is None or other is None or one == other


def _keeps_its_file(item: Item) -> bool:
    """Return True if the file of *item* is not to be taken again: one that was given back without being allowed is."""
    return item.state is not State.FOREIGN and not (item.state is State.RESTORED and not item.vouched)


def _suspect(intent: Intent, path: str, fd: int, trees: Iterable[Tree], *, seen_again: bool) -> Suspect | None:
    """Describe the file of *intent*, by its name *path*; None if no watched directory has that."""
    having = trees_of(path, trees)
    if not having or path == having[0].path:
        return None
    fields, root = intent.fields, having[0]
    return Suspect(
        trees=tuple(having),
        relative=path[len(root.path.rstrip("/")) + 1 :],
        fd=fd,
        scanned=intent.file,
        verdict=intent.verdict,
        reasons=tuple(fields["reasons"]),
        sha256=intent.sha256,
        name=fields["name"],
        names=tuple(name for name in dict.fromkeys((*fields["names"], *links_to(path))) if name != path),
        seen_again=seen_again,
    )
