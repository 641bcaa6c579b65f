"""Decide which files may be moved, by the owner of the watched directory that they lie in.

One rule for all: in a user's cache the daemon moves only what that user could move without it. Otherwise anybody who
can link or rename a file into a cache could make the daemon, which is root, move it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.access.paths import beneath
from picklewatch.access.rights import user_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.access.following import Identity


@dataclass(frozen=True, slots=True)
class Tree:
    """A watched directory, as it was found."""

    path: str
    """Its real path, without links."""
    identity: Identity
    """Its device and inode."""
    owner: int | None = None
    """The user whose cache it is; None if the configuration names it: then anybody's files may be moved."""
    own_only: bool = False
    """True if only files of the owner may be moved: a link that nobody named leads here, perhaps out of an archive."""


def trees_of(path: str, trees: Iterable[Tree]) -> list[Tree]:
    """Return those of *trees* that *path* lies in, the deepest first."""
    return sorted((tree for tree in trees if beneath(path, tree.path)), key=lambda tree: -len(tree.path))


def why_not_moved(file: int, directory: int, trees: Iterable[Tree]) -> str:
    """Return why *file* is not moved out of the open *directory*, which lies in *trees*; empty if it may be.

    Who owns a set-id file is no matter but for root's, which are never moved: a user's own bit protects nothing.
    """
    status = os.fstat(file)
    if status.st_uid == 0 and status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        return "it is a set-id file of root's"
    trees = tuple(trees)
    if any(_may_be_moved(status, directory, tree) for tree in trees):
        return ""
    places = dict.fromkeys(_whose(tree) for tree in trees if tree.owner is not None)
    return f"it belongs to {user_of(status.st_uid)}, and lies {' and '.join(places)}"


def _whose(tree: Tree) -> str:
    owner = user_of(tree.owner or 0)
    if tree.own_only:
        return f"where a link of {owner} leads that the configuration does not name"
    return f"in a cache of {owner}"


def _may_be_moved(status: os.stat_result, directory: int, tree: Tree) -> bool:
    owner = tree.owner
    if owner is None or (status.st_uid == owner and owner != 0):
        return True
    if status.st_uid != os.fstat(directory).st_uid:
        return False  # it may have been linked or renamed there by others than its owner
    if status.st_uid == 0 or tree.own_only:
        return status.st_uid == owner
    return user_of(owner).may_remove_from(directory)
