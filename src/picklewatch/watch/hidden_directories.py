"""Directories whose content can't be seen: closed to us, or nested deeper than the system has names for.

A path has at most ``PATH_MAX`` bytes (limits.h); programs get further down only step by step, directory by directory.
Without a retry, what is written to a directory while it is closed would wait for the periodic walk.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Final

from picklewatch.access.paths import PATH_MAX, beneath
from picklewatch.watch.retry_book import RetryBook

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from picklewatch.telemetry.health import Health

LOOK_SECONDS: Final = 2.0
_PROBLEM: Final = "watch-unlistable"
_LEFT_OUT: Final = "watch-closed-left-out"
_MOST: Final = 1_000
"""Directories of each kind that are looked at again."""
_NAME_MAX: Final = 255


class HiddenDirectories:
    """Reports hidden directories until they can be seen. Any thread may note one; *on_note* wakes who looks again.

    One that *is_excluded* by now is not looked at, nor one that *is_elsewhere*: its server may never answer.
    """

    def __init__(
        self,
        health: Health,
        *,
        is_excluded: Callable[[str], bool],
        is_elsewhere: Callable[[str], bool],
        on_note: Callable[[], None] = lambda: None,
    ) -> None:
        self._health = health
        self._is_excluded, self._is_elsewhere, self._on_note = is_excluded, is_elsewhere, on_note
        self._closed = RetryBook[int](seconds=LOOK_SECONDS, most=_MOST)
        self._unlistable = RetryBook[int](seconds=LOOK_SECONDS, most=_MOST)

    @property
    def is_empty(self) -> bool:
        """Return True if none is known."""
        return self._closed.is_empty and self._unlistable.is_empty

    def note_file(self, path: str) -> None:
        """Note that nothing was seen at *path*: for want of rights, its topmost closed directory is hidden."""
        try:
            if not stat.S_ISREG(os.lstat(path).st_mode):
                return
        except PermissionError:
            pass
        except (OSError, ValueError):
            return
        directory = _topmost_closed(path)
        if directory in self._closed:
            return
        if self._closed.note(directory, errno.EACCES):
            self._report(directory, errno.EACCES)
        else:
            self._health.count(_LEFT_OUT)  # the periodic walk finds what is in it

    def note(self, directory: str, code: int) -> str:
        """Note that *directory* can't be listed (error number *code*); return the directory that is reported."""
        if code == errno.ENAMETOOLONG:
            while _is_too_long(directory):
                directory = os.path.dirname(directory)  # noqa: PTH120 - any bytes, no object needed
        if not self._unlistable.note(directory, code):
            self._health.count(_LEFT_OUT)
        self._report(directory, code)
        return directory

    def repair_below(self, tree: str, *, but: Collection[str] = ()) -> None:
        """Take in that all of *tree* was seen *but* some directories of it."""
        self._health.repair_all(_PROBLEM, but=but, where=lambda path: beneath(path, tree))

    def forget_below(self, tree: str) -> None:
        """Forget what lies in *tree*, which is not watched any more."""
        self._closed.strike_below(tree)
        self._unlistable.strike_below(tree)
        self.repair_below(tree)

    def seen_again(self, now: float) -> list[str]:
        """Return the directories that can be seen by now, or are gone, and forget them."""
        if not self._closed.is_due(now):
            return []
        # a closed directory may lie above a file system of the network, whose threads must not take it for another's
        seen = self._look_at(self._closed, self._is_excluded, _is_closed)
        return seen + self._look_at(self._unlistable, self._is_left_out, _is_unlistable)

    def _is_left_out(self, path: str) -> bool:
        return self._is_excluded(path) or self._is_elsewhere(path)

    def _look_at(
        self, book: RetryBook[int], is_left_out: Callable[[str], bool], is_hidden: Callable[[str], bool]
    ) -> list[str]:
        seen: list[str] = []
        for directory, code in book.states().items():
            left_out = is_left_out(directory)
            if not left_out and is_hidden(directory):
                self._report(directory, code)  # a walk that began before it was closed may have repaired it
                continue
            book.strike(directory)
            self._health.repair(_PROBLEM, subject=directory)
            if not left_out:
                seen.append(directory)
        return seen

    def _report(self, directory: str, code: int) -> None:
        self._on_note()
        if code == errno.ENAMETOOLONG:
            reason = "directories are nested deeper than the system has names for"
            hint = "Files in them are not judged. Move or remove what lies so deep."
        else:
            reason = "what is in a directory can't be seen"
            hint = "picklewatch needs the right to list and to enter it; files below it are not judged."
        self._health.degrade(_PROBLEM, reason, subject=directory, hint=hint)


def _topmost_closed(path: str) -> str:
    directory = os.path.dirname(path)  # noqa: PTH120 - any bytes, no object needed
    while (parent := os.path.dirname(directory)) != directory and _is_closed(parent):  # noqa: PTH120
        directory = parent
    return directory


def _is_closed(directory: str) -> bool:
    """Return True if *directory* is there and can't be entered."""
    try:
        os.stat(f"{directory}/.")  # noqa: PTH116
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _is_unlistable(directory: str) -> bool:
    """Return True if *directory* is there and can't be listed, or something in it has no name."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return error.errno not in (errno.ENOENT, errno.ENOTDIR)
    try:
        os.stat(".", dir_fd=descriptor)  # "DIRECTORY/." may be too long where DIRECTORY is not
        longest = PATH_MAX - 2 - len(os.fsencode(directory))
        with os.scandir(descriptor) as entries:
            return longest < _NAME_MAX and any(
                len(os.fsencode(entry.name)) > longest and entry.is_dir(follow_symlinks=False) for entry in entries
            )
    except OSError:
        return True
    finally:
        os.close(descriptor)


def _is_too_long(path: str) -> bool:
    return len(os.fsencode(path)) >= PATH_MAX
