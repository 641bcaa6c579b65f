"""Open files for scanning with the rights of those who lead to them: the cache's user, and the owners of links.

Otherwise anybody who can put a symbolic or hard link into a cache could make a daemon that may read everything read any
file, and find its digest and its imports in the log.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

from picklewatch.access.following import Identity, Links, NotFollowedError, Way
from picklewatch.access.open_file import OpenFailure, Subject, SubjectError, open_held, open_subject, subject_error
from picklewatch.access.ownership import Tree, trees_of
from picklewatch.access.rights import is_privileged, user_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class ForeignError(SubjectError):
    """A file that this process could read, but one of the users who lead to it could not."""


Opens = Callable[[str, Identity, Callable[[], Iterable[str]]], Subject]
"""Opens a path, or one of more names that leads to the file of this identity. Raises `SubjectError`."""


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
    try:
        with Way(None if tree.owner is None else user_of(tree.owner), Links.NONE) as way:
            way.go(tree.path)
            if way.identity != tree.identity:
                raise SubjectError(OpenFailure.MISSING, name, "its directory was replaced")
            relative = name[len(tree.path.rstrip("/")) + 1 :]
            parent, _, last = relative.rpartition("/")
            way.go(parent)
            way.links = Links.ANY
            way.go(last)
            way.check_readable()
            return open_held(way.fd, name, lambda _fd: way.path)
    except NotFollowedError as error:
        reason = f"not read, for whose link or cache it is may not: {error.reason}"
        raise ForeignError(OpenFailure.DENIED, name, reason) from None
    except OSError as error:
        raise subject_error(error, name, link=os.path.islink(name)) from None  # noqa: PTH114 - never raises
    except ValueError:  # an embedded null byte
        raise SubjectError(OpenFailure.MISSING, name, "not a possible file name") from None
