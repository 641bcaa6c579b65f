"""Open files for scanning with the rights of those who lead to them: the cache's user, and the owners of links.

Otherwise anybody who can put a symbolic or hard link into a cache could make a daemon that may read everything read any
file, and find its digest and its imports in the log.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from picklewatch.access.following import Identity, Links, NotFollowedError, Way
from picklewatch.access.held_directory import HeldDirectory, hold_directory
from picklewatch.access.open_file import OpenFailure, Subject, SubjectError, open_held, open_subject, subject_error
from picklewatch.access.ownership import Tree, trees_of
from picklewatch.access.rights import is_privileged, user_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class ForeignError(SubjectError):
    """A file that this process could read, but one of the users who lead to it could not."""


Opens = Callable[[str, Identity, Callable[[], Iterable[str]]], Subject]
"""Opens a path, or one of more names that leads to the file of this identity. Raises `SubjectError`."""
Holds = Callable[[str], contextlib.AbstractContextManager[HeldDirectory]]
"""Holds a directory whose files are to be opened. Raises `SubjectError`."""


class Opener:
    """Opens files below *trees*, and the targets of links there; nothing else if this process may read everything."""

    def __init__(self, trees: Callable[[], Iterable[Tree]]) -> None:
        self._trees = trees

    def __call__(self, path: str, identity: Identity, more: Callable[[], Iterable[str]]) -> Subject:
        """Open *path* as `open_subject` does, or else one of *more*."""
        refusals: list[SubjectError] = []
        for subject in self._opened(path, refusals):
            return subject
        for name in more():
            for subject in self._opened(name, refusals):
                if (subject.file.device, subject.file.inode) == identity:
                    return subject
                subject.close()
        missing = SubjectError(OpenFailure.MISSING, path, "no watched directory has it, or a link to it, any more")
        raise next((error for error in refusals if error.kind is not OpenFailure.MISSING), [*refusals, missing][0])

    @contextlib.contextmanager
    def hold(self, directory: str) -> Iterator[HeldDirectory]:
        """Hold the real path *directory* for a moment, in the deepest tree in which the way to it can be gone.

        Raises `SubjectError`.
        """
        with contextlib.ExitStack() as stack:
            yield self._held(directory, stack)

    def _held(self, directory: str, stack: contextlib.ExitStack) -> HeldDirectory:
        if not is_privileged():
            return stack.enter_context(hold_directory(directory))
        refusals: list[SubjectError] = []
        for tree in trees_of(directory, self._trees()):
            try:
                with _errors_told(directory):
                    way = stack.enter_context(_way_in(tree))
                    _enter(way, tree, directory)
                    way.go(_relative(tree, directory))
                    return HeldDirectory(way.fd, way.path, tuple(way.users))
            except SubjectError as error:
                refusals.append(error)
        raise next(iter(refusals), SubjectError(OpenFailure.MISSING, directory, "no watched directory has it"))

    def _opened(self, name: str, refusals: list[SubjectError]) -> Iterator[Subject]:
        """Open *name* in each tree that has it, until one is taken."""
        ways = [partial(_open, tree) for tree in trees_of(name, self._trees())] if is_privileged() else [open_subject]
        for way in ways:
            try:
                yield way(name)
            except SubjectError as error:
                refusals.append(error)


def _open(tree: Tree, name: str) -> Subject:
    """Open *name*, a file or a link in *tree*, if the tree's owner and the owner of each link may read it."""
    with _errors_told(name), _way_in(tree) as way:
        _enter(way, tree, name)
        parent, _, last = _relative(tree, name).rpartition("/")
        way.go(parent)
        way.links = Links.ANY
        way.go(last)
        way.check_readable()
        return open_held(way.fd, name, lambda _fd: way.path)


def _way_in(tree: Tree) -> Way:
    return Way(None if tree.owner is None else user_of(tree.owner), Links.NONE)


def _enter(way: Way, tree: Tree, name: str) -> None:
    """Go to *tree*, for *name* in it."""
    way.go(tree.path)
    if way.identity != tree.identity:
        raise SubjectError(OpenFailure.MISSING, name, "its directory was replaced")


def _relative(tree: Tree, path: str) -> str:
    return path[len(tree.path.rstrip("/")) + 1 :]


@contextlib.contextmanager
def _errors_told(name: str) -> Iterator[None]:
    """Turn what keeps *name* from being opened into a `SubjectError`."""
    try:
        yield
    except NotFollowedError as error:
        reason = f"not read, for whose link or cache it is may not: {error.reason}"
        raise ForeignError(OpenFailure.DENIED, name, reason) from None
    except OSError as error:
        raise subject_error(error, name, link=os.path.islink(name)) from None  # noqa: PTH114 - never raises
    except ValueError:  # an embedded null byte
        raise SubjectError(OpenFailure.MISSING, name, "not a possible file name") from None
