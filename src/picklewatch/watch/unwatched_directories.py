"""Directories inside watched trees that can't be watched themselves: the limit is reached, or they can't be listed.

They are walked every few seconds instead, and tried again each time; the user is shown which and why.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from picklewatch.core.candidate import Source
from picklewatch.watch.directory_walk import WalkRequest
from picklewatch.watch.roots import HINTS, topmost

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.inotify_observer import InotifyObserver
    from picklewatch.watch.retry_book import RetryBook

_REASONS: Final = {errno.ENOSPC: "the kernel's limit is reached"}
"""Where the system's own words mislead."""
_MANY: Final = 200
_NAMED: Final = 5
"""Directories that are named."""


class UnwatchedDirectories:
    """Tries again to watch what the observer noted in *book*, with the error number, and walks it meanwhile."""

    def __init__(self, book: RetryBook[int], walker: DirectoryWalker, health: Health) -> None:
        self._book = book
        self._walker = walker
        self._health = health

    def look_after(self, observer: InotifyObserver, trees: Collection[str], now: float) -> None:
        """If it is time for it, try to watch every one of them, walk it, and report which are left."""
        if not self._book.is_due(now):
            return
        if unwatched := self._book.states():
            self._retry(observer, unwatched)
            self._walk(list(unwatched), trees)
        self._report(self._book.states())

    def _retry(self, observer: InotifyObserver, unwatched: dict[str, int]) -> None:
        """Try again; where the limit is still reached, one attempt stands for all."""
        is_full = False
        for path in topmost(unwatched):
            if unwatched[path] == errno.ENOSPC:
                if is_full:
                    continue
                observer.retry(path)
                is_full = path in self._book
            else:
                observer.retry(path)

    def _walk(self, paths: list[str], trees: Collection[str]) -> None:
        tops = topmost(paths)
        for path in tops if len(tops) <= _MANY else trees:
            self._walker.request(WalkRequest(path, Source.WALK, "unwatched"))

    def _report(self, unwatched: dict[str, int]) -> None:
        kinds = {errno.errorcode.get(code, str(code)): code for code in unwatched.values()}
        for name, code in kinds.items():
            paths = [path for path, other in unwatched.items() if other == code]
            what = "1 directory" if len(paths) == 1 else f"{len(paths)} directories"
            why = _REASONS.get(code) or os.strerror(code)
            tops = topmost(paths)
            which = ", ".join(tops[:_NAMED]) + (f" and {len(tops) - _NAMED} more" if len(tops) > _NAMED else "")
            reason = f"{what} can't be watched ({why}), walked every few seconds instead: all at or below {which}"
            self._health.degrade("watch-gap", reason, subject=name, hint=HINTS.get(code, ""))
        self._health.repair_all("watch-gap", but=kinds)
