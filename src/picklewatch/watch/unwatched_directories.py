"""Directories inside watched trees that can't be watched themselves: the limit is reached, or they can't be listed.

They are walked every few seconds instead, and tried again each time; the user is told which and why.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from picklewatch.core.candidate import Source
from picklewatch.watch.directory_walk import WalkRequest
from picklewatch.watch.roots import topmost

if TYPE_CHECKING:
    from picklewatch.telemetry.health import Health
    from picklewatch.watch.directory_walk import DirectoryWalker
    from picklewatch.watch.inotify_observer import InotifyObserver

HINTS: Final = {
    errno.ENOSPC: "Raise fs.inotify.max_user_watches with sysctl; meanwhile picklewatch walks them.",
    errno.EMFILE: "Raise fs.inotify.max_user_instances with sysctl; meanwhile picklewatch walks everything.",
    errno.EACCES: "picklewatch needs the right to list it.",
    errno.ENOTDIR: "Only directories are watched: name the one that it lies in.",
    errno.ELOOP: "Its links lead in a circle.",
}
"""What the user can do about an error number."""

_REASONS: Final = {errno.ENOSPC: "the kernel's limit is reached"}
"""Where the system's own words mislead."""
_MANY: Final = 200
_NAMED: Final = 5
"""Directories that are named."""


class UnwatchedDirectories:
    """Looks after the gaps of one observation at a time."""

    def __init__(self, walker: DirectoryWalker, health: Health) -> None:
        self._walker = walker
        self._health = health

    def look_after(self, observation: InotifyObserver, trees: list[str]) -> None:
        """Try to close every gap, walk it, and say what is left."""
        unwatched = observation.unwatched()
        if unwatched:
            self._mend(observation, unwatched)
            self._walk(list(unwatched), trees)
            unwatched = observation.unwatched()
        self._report(unwatched)

    def _mend(self, observation: InotifyObserver, unwatched: dict[str, int]) -> None:
        """Try again; where the limit is still reached, one attempt tells for all."""
        full = False
        for path in topmost(unwatched):
            if unwatched[path] == errno.ENOSPC:
                if full:
                    continue
                observation.retry(path)
                full = path in observation.unwatched()
            else:
                observation.retry(path)

    def _walk(self, paths: list[str], trees: list[str]) -> None:
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
