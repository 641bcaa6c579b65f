"""Moves files into quarantine, as the operator's policy and the recorded intents say.

Every move follows an intent that is on the disk, and may be tried again: after a crash, or when a disk has room.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol

import structlog

from picklewatch.access import leases
from picklewatch.access.open_file import OpenFailure, SubjectError, open_subject
from picklewatch.access.ownership import Tree, trees_of
from picklewatch.core.candidate import Source
from picklewatch.core.errors import QuarantineError, StateError
from picklewatch.core.model import Verdict, printable
from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.moving import Suspect
from picklewatch.quarantine.place import set_aside_as
from picklewatch.quarantine.refusals import (
    ChangedError,
    DiskFailsError,
    ForeignFileError,
    KeptError,
    NotPermittedError,
    OutsideError,
    StoreFullError,
    UnfinishedError,
)
from picklewatch.scanning.display_names import links_to
from picklewatch.service.move_pauses import FIRST_PAUSE, MovePauses
from picklewatch.watch.identify import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import FileId, Record
    from picklewatch.quarantine.recovery import Recovery
    from picklewatch.quarantine.taking import Taking
    from picklewatch.store import Intent, Store
    from picklewatch.telemetry.health import Health

_log = structlog.get_logger()

FULL: Final = "quarantine-full"
DISK: Final = "quarantine-disk"
REFUSED: Final = "quarantine-refused"
_NOT_TAKEN: Final = (State.MOVING, State.COPYING)
"""States of an item whose file may still be where it was."""
_UNFINISHED: Final = (State.TAKEN, State.COPIED)
"""States of an item whose file has lost its name, and whose content is to follow."""
_SMALL: Final = 16 << 20
"""Bytes of a content that is copied and read at once; no worker waits for that of a larger one."""
_MOVING_SECONDS: Final = 5.0
"""Seconds that a move waits for another one; then it is tried again later."""
_LOGGED: Final = ("id", "path", "name", "names", "verdict", "reasons", "sha256", "size", "links", "times")


class _Moved(Enum):
    YES = "yes"
    NO = "no"
    LATER = "later"


class SupportsQuarantine(Protocol):
    """A vault: `picklewatch.quarantine.vault.Vault`, or a fake in tests."""

    def take(self, suspect: Suspect, *, tombstone: bool = True) -> Taking:
        """Take its name from a file; its content may follow."""
        ...

    def finish(self, item_id: str) -> Item | None:
        """Let the content of a file follow; None if somebody else has it in hand."""
        ...

    def is_set_aside(self, path: str, file: FileId, owner: int) -> bool:
        """Return True if *file* of *owner* is one whose content is to follow."""
        ...

    def discard(self, item_id: str) -> None:
        """Remove an item as if it had never been taken."""
        ...

    def items(self, *, history: bool = False) -> list[Item]:
        """Return what the vault holds."""
        ...

    def recover(self, *, whole: bool = True) -> list[Recovery]:
        """Complete or undo what was left unfinished."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePolicy:
    """The operator's decisions about moving files."""

    takes: Callable[[Verdict], bool] = lambda _verdict: False
    """Returns True if a file with this verdict is to be moved."""
    tombstones: bool = True
    """True if a tombstone takes its place."""
    trees: Callable[[], tuple[Tree, ...]] = tuple
    """Returns the watched directories; nothing outside of them is ever moved."""


class Mover:
    """Moves files, one at a time; their contents follow. Threads may share it."""

    def __init__(
        self,
        store: Store,
        health: Health,
        vault: Callable[[], SupportsQuarantine],
        policy: Callable[[], QuarantinePolicy],
    ) -> None:
        """*vault* and *policy* return what is in force; the vault may be unavailable (`StateError`)."""
        self._store, self._health, self._vault, self._policy = store, health, vault, policy
        self._moving = threading.Lock()
        self._retrying = threading.Lock()
        self._pauses = MovePauses()
        self._unfinished: set[str] = set()
        """Ids of items whose content is to follow."""
        self._postponed: set[str] = set()
        """The same, after an attempt that failed."""

    def wants(self, record: Record) -> bool:
        """Return True if the file of *record* is to be moved."""
        return record.file is not None and self.takes(record.judgement.verdict)

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
        """Do the same while the file is still read, and leave the content where it is; the caller must `end` it.

        What changed meanwhile stays wanted: `move` decides when the scan has ended. It is taken all the same if two
        scans have *seen* its harm.
        """
        taken: list[Taking] = []
        for intent in self._store.intents.wanted(record=record):
            self._move(intent, subject, taken.append, is_last=False, seen_again=seen_again)
        return taken[0] if taken else None

    def end(self, taking: Taking) -> Item:
        """Let the content of a file that was taken follow, now or soon; return the item as it is then."""
        with taking:
            item = taking.item
            if item.size > _SMALL:
                taking.put_off()
                self._unfinished.add(item.id)
                return item
            self._postponed.add(item.id)  # whatever happens
            try:
                rested = taking.finish()
                self._ended(item.id, rested)
            except UnfinishedError as error:
                self._postpone(item.id, error)
                return item
            self._postponed.discard(item.id)
            return rested

    @property
    def has_unfinished(self) -> bool:
        """Return True if a content is to follow: call `finish`."""
        return bool(self._unfinished)

    def finish(self) -> None:
        """Let the contents follow that are to; those that can't now follow after the next `retry_all`."""
        while self._unfinished:
            item_id = self._unfinished.pop()
            try:
                item = self._vault().finish(item_id)
            except UnfinishedError as error:
                self._postpone(item_id, error)
            except QuarantineError:
                continue  # it was restored or deleted
            else:
                if item is None:
                    self._postponed.add(item_id)
                else:
                    self._ended(item_id, item)
                    self._repair()

    def _ended(self, item_id: str, item: Item) -> None:
        """Complete the record of the file *item_id* if its digest is known only now; *item* may have replaced it."""
        if item.sha256 is not None:
            self._store.records.learn_digest(item_id, item.sha256)

    def _postpone(self, item_id: str, error: UnfinishedError) -> None:
        self._postponed.add(item_id)
        if isinstance(error.cause, StoreFullError):
            self._health.degrade(FULL, error.cause.message, hint=error.cause.hint)
        else:
            self._degrade_once(error)

    def is_set_aside(self, path: str, file: FileId, owner: int) -> bool:
        """Return True if *file* of *owner* was moved, and its content is to follow: it is not to be judged again."""
        if set_aside_as(os.fsencode(os.path.basename(path))) is None:  # noqa: PTH119 - most names: no vault is opened
            return False
        try:
            return self._vault().is_set_aside(path, file, owner)
        except StateError:
            return False

    def retry_all(self) -> int:
        """Try the moves that are still wanted.

        Return how many were closed; 0 if another thread tries them.
        """
        if not self._retrying.acquire(blocking=False):
            return 0
        try:
            self._unfinished |= self._postponed
            self._postponed.clear()
            return self._retry_wanted(self._store.intents.wanted())
        finally:
            self._retrying.release()

    def _retry_wanted(self, wanted: list[Intent]) -> int:
        if not wanted:
            self._repair()
            self._health.repair_all(REFUSED)
            return 0
        due = [intent for intent in wanted if self._pauses.is_due(intent.id)]
        if not due:
            return 0
        self.recover()
        items = (item for item in self._vault().items(history=True) if _keeps_its_file(item))
        held = {(item.path, item.inode, item.mtime_ns): item for item in items}
        closed = sum(self._retry(intent, held) for intent in due)
        open_ = {intent.id: printable(intent.path) for intent in self._store.intents.wanted()}
        self._pauses.keep(open_)
        self._health.repair_all(REFUSED, but=set(open_.values()))
        return closed

    def recover(self) -> None:
        """Complete or undo the vault's unfinished steps; call it before anything is watched."""
        for recovery in self._vault().recover(whole=False):
            _log.warning("quarantine.recovered", item=recovery.id, outcome=recovery.outcome, detail=recovery.detail)
        self._unfinished |= {item.id for item in self._vault().items() if item.state in _UNFINISHED}
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
            closed = self._refused(intent, error)
            if is_changed:
                self._judge_again(intent, subject.fd)
            return _Moved.NO if closed else _Moved.LATER
        finally:
            leases.release(subject.fd)  # disarming hard links writes to the file
            self._moving.release()
        try:
            self._store.intents.done(intent.id, taking.item.id, intent.file)
        except BaseException:
            taking.close()
            raise
        self._health.repair(REFUSED, subject=printable(intent.path))
        then(taking)
        if taking.item.copied:  # other names keep the content
            self.judge_names(intent.file, {os.path.join(taking.item.root, taking.item.relative)})  # noqa: PTH118
        return _Moved.YES

    def _follow(self, taking: Taking) -> None:
        self.report(self.end(taking))

    def report(self, item: Item) -> None:
        """Log a move."""
        self._repair()
        name = item.name or printable(item.path)
        _log.warning("quarantine.moved", **_log_fields(item), message=f"{name} is in quarantine")

    def _repair(self) -> None:
        if not self._postponed and not self._unfinished:
            self._health.repair(FULL)
            self._health.repair(DISK)

    def _take(self, intent: Intent, subject: Subject, *, seen_again: bool) -> Taking:
        """Take the file under the first of its names in a watched directory that may be taken.

        All names that are known decide: what was judged under a link's target, outside, may have one inside as well.
        """
        refusal: QuarantineError | None = None
        for path in self._names(intent, subject.path):
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

    def _names(self, intent: Intent, scanned: str) -> Iterator[str]:
        """Give the names of the file: the judged one first, then those that are it now.

        The one that it was *scanned* under may be new: the record is of an earlier name until the scan has ended, and
        no more than some other names are remembered.
        """
        yield intent.path
        for path in dict.fromkeys((scanned, *self._store.records.names(intent.file))):
            if path != intent.path and _leads_to(path, intent.file):
                yield path

    def _refused(self, intent: Intent, error: QuarantineError) -> bool:
        """Close the intent if another attempt can't help, and return True; others are tried again by `retry_all`."""
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
        self._health.degrade(REFUSED, error.message, subject=subject, hint=error.hint)

    def _degrade_once(self, error: QuarantineError) -> None:
        """Report that a disk fails, once for all files."""
        if DISK not in {problem.what for problem in self._health.problems}:
            self._health.degrade(DISK, error.message, hint=error.hint)

    def _judge_again(self, intent: Intent, fd: int) -> None:
        """Have a file judged again, where it is now, that was not where it was: moving it about saves nothing."""
        self._store.records.judge_again(intent.file)
        try:
            path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - as os.fsdecode gives it
        except OSError:
            return
        self._judge(path, intent.file)

    def judge_names(self, file: FileId, but: Collection[str]) -> str | None:
        """Have *file* judged under another name than *but*, and return that; None if no watched directory has one.

        Nothing announces that it stays: of another user's file only one name is taken, and a job knows one path.
        """
        return next((path for path in self.names(file) if path not in but and self._judge(path, file)), None)

    def names(self, file: FileId) -> tuple[str, ...]:
        """Return the paths that led to the inode of *file*, judged or announced."""
        job = self._store.jobs.of(file.device, file.inode)
        judged = self._store.records.names(file)
        return judged if job is None else (job.path, *judged)

    def _judge(self, path: str, file: FileId) -> bool:
        """Queue *file* under its name *path*; return False if that is not its name, not watched, or the vault's."""
        found = identify(path, Source.WALK)
        if found is None or not (_leads_to(path, file) and trees_of(path, self._policy().trees())):
            return False
        if self.is_set_aside(path, found.file, found.owner):
            return False
        self._store.jobs.put(found)
        return True


def _is_same(one: str | None, other: str | None) -> bool:
    """Return True if two digests may be of one content."""
    return one is None or other is None or one == other


def _keeps_its_file(item: Item) -> bool:
    """Return True if the file of *item* is not to be taken again: one that was given back without being allowed is."""
    return item.state is not State.FOREIGN and not (item.state is State.RESTORED and not item.vouched)


def _leads_to(path: str, file: FileId) -> bool:
    """Return True if *path*, itself and not through a link, is the inode of *file*."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) == (file.device, file.inode)


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


def _log_fields(item: Item) -> dict[str, Any]:
    fields = item.to_json()
    return {key: fields[key] for key in _LOGGED}
