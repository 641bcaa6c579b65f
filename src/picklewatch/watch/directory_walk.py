"""Find the files that are there: the start-up walk, the walk of a root that appeared, the periodic safety net.

Reads directories, never files. One thread serves all requests, the most urgent first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.access.paths import open_to_list
from picklewatch.core.candidate import Candidate, Source, UnavailableError
from picklewatch.core.model import FileId
from picklewatch.watch.identify import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.telemetry.health import Health
    from picklewatch.watch.hidden_directories import HiddenDirectories

_log = structlog.get_logger()

BATCH: Final = 500
"""Candidates offered at once."""
PROOF: Final = "proof"
"""The reason for listing a directory that changed, and nobody announced it."""
_PROGRESS_SECONDS: Final = 5.0
_ATTEMPTS: Final = 3
_NAMED: Final = 100
_REMEMBERED: Final = 1_000
_WALKED: Final = 20_000
_WAITING: Final = 10_000
"""Maximum number of queued trees; when it is reached, callers must request a walk of a larger tree."""


@dataclass(slots=True)
class WalkTally:
    """Counts of one walk."""

    files: int = 0
    directories: int = 0
    queued: int = 0
    """Files that had no verdict and were not waiting."""
    unreadable: dict[str, int] = field(default_factory=dict)
    """Directories that can't be listed, with the error's number; the first `_NAMED`."""

    def note_failure(self, directory: str, error: OSError) -> None:
        """Note that *directory* could not be listed, unless it is gone."""
        if error.errno not in (errno.ENOENT, errno.ENOTDIR) and len(self.unreadable) < _NAMED:
            self.unreadable[directory] = error.errno or errno.EACCES


@dataclass(frozen=True, slots=True)
class WalkRequest:
    """A tree to walk."""

    tree: str
    source: Source
    reason: str
    """Why: ``start``, ``appeared``, ``overflow``, ``new-directory``, ``poll``, ``rescan`` …"""
    deep: bool = True
    """True to go below the directory itself."""

    @property
    def is_quiet(self) -> bool:
        """Return True if this happens all the time and is not worth a line in the log."""
        return self.reason in ("new-directory", "poll", "unwatched", "watch-lost", "overflow", PROOF)


@dataclass(frozen=True, slots=True)
class Walked:
    """A deep walk that came to its end."""

    began: float
    """Monotonic seconds."""
    seconds: float


class DirectoryWalker:
    """Runs the walking thread. *offer* takes a batch of candidates and returns how many were new to it.

    Leaves out what *is_excluded*, and what *is_elsewhere*: other threads walk that. A link that *is_diverted* leads to
    such a place, whose threads look at it instead. Links that lead to no file go to *note_link*.
    """

    def __init__(  # noqa: PLR0913 - what a walk needs to know
        self,
        offer: Callable[[list[Candidate], WalkRequest], int],
        health: Health,
        *,
        hidden: HiddenDirectories,
        is_excluded: Callable[[str], bool],
        is_elsewhere: Callable[[str], bool],
        is_diverted: Callable[[str], bool],
        note_link: Callable[[str], None],
    ) -> None:
        self._offer = offer
        self._note_link = note_link
        self._health = health
        self._hidden = hidden
        self._is_excluded, self._is_elsewhere, self._is_diverted = is_excluded, is_elsewhere, is_diverted
        self._queue: queue.PriorityQueue[tuple[int, int, WalkRequest | None]] = queue.PriorityQueue()
        self._asked: set[WalkRequest] = set()
        self._lock = threading.Lock()
        self._order = count()
        self._failures: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="picklewatch-walk", daemon=True)
        self.beat = time.monotonic()
        self.busy_with: WalkRequest | None = None
        self.walked: OrderedDict[str, Walked] = OrderedDict()
        """The last deep walk of each tree (of the last so many trees)."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, in the middle of a tree if need be."""
        self._stopping.set()
        self._queue.put((-1, next(self._order), None))
        if self._thread.is_alive():
            self._thread.join(5.0)

    def is_alive(self) -> bool:
        """Return True if the thread lives."""
        return self._thread.is_alive()

    def request(self, request: WalkRequest) -> bool:
        """Queue a walk, unless the same one waits already; return False if too many trees wait."""
        with self._lock:
            if request in self._asked:
                return True
            if not request.deep and len(self._asked) >= _WAITING:
                return False
            self._asked.add(request)
        self._queue.put((request.source, next(self._order), request))
        return True

    def pending(self) -> int:
        """Return how many trees wait or are being walked."""
        with self._lock:
            return len(self._asked) + (self.busy_with is not None)

    def _run(self) -> None:
        while not self._stopping.is_set():
            _, _, request = self._queue.get()
            if request is None:
                return
            with self._lock:
                self._asked.discard(request)
                self.busy_with = request
                self.beat = time.monotonic()
            try:
                self._walk(request)
            except Exception as error:  # noqa: BLE001 - the thread must live; the safety net comes back
                _log.exception("walk.failed", path=request.tree)
                self._health.incident("walk-failed", f"{type(error).__name__}: {error}", path=request.tree)
                if len(self._failures) < _REMEMBERED:
                    self._failures[request.tree] += 1
                if self._failures[request.tree] in range(1, _ATTEMPTS + 1):
                    self.request(request)
            finally:
                self.busy_with = None

    def _walk(self, request: WalkRequest) -> None:
        start = shown = time.monotonic()
        tally = WalkTally()
        batch: list[Candidate] = []
        for candidate in find(request, self._is_left_out, tally, self._is_diverted, self._note_link):
            self.beat = time.monotonic()
            if self._stopping.is_set():
                return
            batch.append(candidate)
            if len(batch) >= BATCH:
                tally.queued += self._offer_batch(batch, request)
                batch = []
            if self.beat - shown > _PROGRESS_SECONDS and not request.is_quiet:
                shown = self.beat
                _log.info("walk.progress", path=request.tree, reason=request.reason, **_numbers(tally))
        tally.queued += self._offer_batch(batch, request) if batch else 0
        seconds = time.monotonic() - start
        hidden = {self._hidden.note(path, code) for path, code in tally.unreadable.items()}
        if request.deep:
            self._remember(request.tree, Walked(start, seconds))
            self._hidden.repair_below(request.tree, but=hidden)
        if not request.is_quiet:
            _log.info(
                "walk.done", path=request.tree, reason=request.reason, seconds=round(seconds, 3), **_numbers(tally)
            )

    def _is_left_out(self, path: str) -> bool:
        return self._is_excluded(path) or self._is_elsewhere(path)

    def _remember(self, tree: str, walked: Walked) -> None:
        self.walked[tree] = walked
        self.walked.move_to_end(tree)
        self._failures.pop(tree, None)
        while len(self.walked) > _WALKED:
            self.walked.popitem(last=False)

    def _offer_batch(self, batch: list[Candidate], request: WalkRequest) -> int:
        start = time.monotonic()
        new = self._offer_until_taken(batch, request)
        if request.source is Source.RESCAN:  # the periodic walk leaves half of the time to others
            self._stopping.wait(min(1.0, time.monotonic() - start))
        return new

    def _offer_until_taken(self, batch: list[Candidate], request: WalkRequest) -> int:
        while not self._stopping.is_set():
            try:
                return self._offer(batch, request)
            except UnavailableError:
                self.beat = time.monotonic()
                self._stopping.wait(1.0)
        return 0


def find(
    request: WalkRequest,
    is_left_out: Callable[[str], bool],
    tally: WalkTally,
    is_diverted: Callable[[str], bool],
    note_link: Callable[[str], None],
) -> Iterator[Candidate]:
    """Yield every regular file below a tree, and what links in it lead to; other links go to *note_link*."""
    stack = [request.tree]
    while stack:
        directory = stack.pop()
        tally.directories += 1
        try:
            with listed(directory) as (_, entries):
                for entry in entries:
                    path = f"{directory.rstrip('/')}/{entry.name}"
                    if is_left_out(path):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if request.deep:
                            stack.append(path)
                        continue
                    if entry.is_symlink():
                        candidate = _behind_link(path, request.source, is_diverted, note_link)
                    else:
                        candidate = _candidate(entry, path, request)
                    if candidate is not None:
                        tally.files += 1
                        yield candidate
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link by now, or behind one
                note_link(directory)
            else:
                tally.note_failure(directory, error)


@contextlib.contextmanager
def listed(directory: str) -> Iterator[tuple[int, Iterator[os.DirEntry[str]]]]:
    """Give a descriptor and the entries of *directory*, which must not lie behind a link: another's to walk."""
    fd = open_to_list(directory)
    try:
        with os.scandir(fd) as entries:
            yield fd, entries
    finally:
        os.close(fd)


def _behind_link(
    path: str, source: Source, is_diverted: Callable[[str], bool], note_link: Callable[[str], None]
) -> Candidate | None:
    if is_diverted(path):
        return None
    candidate = identify(path, source)
    if candidate is None:
        note_link(path)
    return candidate


def _candidate(entry: os.DirEntry[str], path: str, request: WalkRequest) -> Candidate | None:
    """Look at *entry*. Raises `PermissionError` where its directory may be listed but not entered."""
    try:
        if entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            return Candidate(path, FileId.of(status), request.source, owner=status.st_uid)
    except PermissionError:
        raise
    except OSError:  # gone since it was listed
        pass
    return None


def _numbers(tally: WalkTally) -> dict[str, int]:
    return {"files": tally.files, "directories": tally.directories, "queued": tally.queued}
