"""Finds the contents below paths that a person names, each once, with every name that leads to it.

Looks at names and inodes only. A path that can't be judged is an item too, never passed over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picklewatch.access.open_file import OpenFailure, SubjectError, not_regular, subject_error

if TYPE_CHECKING:
    from collections.abc import Iterable

STDIN = "-"
"""The path that means standard input."""

Excludes = Callable[[str], bool]


@dataclass(slots=True, kw_only=True)
class Target:
    """One content to judge, or one path that can't be judged."""

    path: str
    """Where to open it; for a link, what it leads to."""
    names: list[str] = field(default_factory=list)
    """Other paths that lead to it."""
    size: int = 0
    """Bytes, as far as known."""
    fd: int | None = None
    """A descriptor to read it from instead, which `path` only names: standard input."""
    problem: SubjectError | None = None
    """Why it can't be judged, if that is known already."""


@dataclass(slots=True, kw_only=True)
class CollectedTargets:
    """Everything that a walk found."""

    items: list[Target] = field(default_factory=list)
    """In the order of the given paths, then of names."""
    unfollowed: list[str] = field(default_factory=list)
    """Links to directories that no given path covers; they were not followed."""

    @property
    def size(self) -> int:
        """Return the bytes of all contents."""
        return sum(item.size for item in self.items)


def collect(paths: Iterable[str], *, follow: bool = False, exclude: Excludes = lambda _path: False) -> CollectedTargets:
    """Find every content at or below *paths*.

    Links to files are resolved; links to directories only with *follow*. Directories are visited once, so that
    links can make no loop. *exclude* says what to leave out below the given paths.
    """
    walk = _Walk(follow=follow, exclude=exclude)
    for path in paths:
        walk.given(path)
    return walk.finish()


class _Walk:
    """One walk; remembers what was visited."""

    def __init__(self, *, follow: bool, exclude: Excludes) -> None:
        self._follow = follow
        self._exclude = exclude
        self._contents: dict[tuple[int, int], Target] = {}
        self._directories: set[tuple[int, int]] = set()
        self._links: list[tuple[str, tuple[int, int]]] = []
        self._problems: set[str] = set()
        self._targets = CollectedTargets()

    def given(self, path: str) -> None:
        """Take a path that the user named: its last link is followed, whatever it leads to."""
        if path == STDIN:
            self._targets.items.append(Target(path=STDIN))
            return
        try:
            status = os.stat(path)  # noqa: PTH116 - no object is needed
            real = os.path.realpath(path)
        except (OSError, ValueError) as error:
            self._problem(path, error, link=os.path.islink(path))  # noqa: PTH114
            return
        if stat.S_ISDIR(status.st_mode):
            self._directory(real)
        else:
            self._content(real, status, os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps ".."

    def finish(self) -> CollectedTargets:
        """Return what was found."""
        self._targets.unfollowed = [path for path, inode in self._links if inode not in self._directories]
        return self._targets

    def _directory(self, top: str) -> None:
        pending = [top]
        while pending:
            pending += self._list(pending.pop())

    def _list(self, path: str) -> list[str]:
        """Take everything in one directory; return the directories in it, last name first."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            self._problem(path, error)
            return []
        try:
            status = os.fstat(fd)
            if (status.st_dev, status.st_ino) in self._directories:
                return []
            self._directories.add((status.st_dev, status.st_ino))
            with os.scandir(fd) as entries:
                names = sorted(entry.name for entry in entries)
            below = [directory for name in names if (directory := self._entry(fd, path, name))]
        except OSError as error:
            self._problem(path, error)
            return []
        finally:
            os.close(fd)
        return below[::-1]

    def _entry(self, directory: int, parent: str, name: str) -> str | None:
        """Take one entry; return its path if it is a directory to visit."""
        path = f"{parent.rstrip('/')}/{name}"
        if self._exclude(path):
            return None
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            self._problem(path, error)
            return None
        if stat.S_ISLNK(status.st_mode):
            return self._link(path)
        if stat.S_ISDIR(status.st_mode):
            return path
        self._content(path, status, path)
        return None

    def _link(self, path: str) -> str | None:
        try:
            status = os.stat(path)  # noqa: PTH116
            real = os.path.realpath(path)
        except OSError as error:
            self._problem(path, error, link=True)
            return None
        if not stat.S_ISDIR(status.st_mode):
            self._content(real, status, path)
            return None
        if self._follow:
            return real
        self._links.append((path, (status.st_dev, status.st_ino)))
        return None

    def _content(self, real: str, status: os.stat_result, name: str) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._add_problem(not_regular(name, status.st_mode))
            return
        key = (status.st_dev, status.st_ino)
        known = self._contents.get(key)
        if known is None:
            known = self._contents[key] = Target(path=real, size=status.st_size)
            self._targets.items.append(known)
        for path in dict.fromkeys((real, name)):
            if path != known.path and path not in known.names:
                known.names.append(path)

    def _problem(self, path: str, error: OSError | ValueError, *, link: bool = False) -> None:
        if isinstance(error, OSError):
            problem = subject_error(error, path, link=link)
        else:
            problem = SubjectError(OpenFailure.MISSING, path, "not a possible file name")
        self._add_problem(problem)

    def _add_problem(self, problem: SubjectError) -> None:
        if problem.path not in self._problems:
            self._problems.add(problem.path)
            self._targets.items.append(Target(path=problem.path, problem=problem))
