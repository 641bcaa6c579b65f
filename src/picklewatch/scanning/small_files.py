"""Copies small files for a batch.

A batch holds files of one owner and one directory: a child that one of them took over could lie about those behind it,
and whoever put the attack into one file could have put it into each of the others (docs/sandbox.md). Nothing here looks
at a byte.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.access.open_file import SubjectError
from picklewatch.core.model import FileId

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.access.held_directory import HeldDirectory

SMALL: Final = 64 << 10
"""Bytes of a file that goes into a batch, at most: the judgement of a larger one costs more than its process."""
_ROOM: Final = 4 << 20
"""Bytes of a batch, at most."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The content of a file, and where and when it had it."""

    key: int
    """By which the caller knows it."""
    path: str
    file: FileId
    content: bytes


@dataclass(slots=True)
class SmallFiles:
    """Copies of files of one directory."""

    owner: int | None = None
    """The user whose files all of them are; of the first one, if None."""
    copies: list[Copy] = field(default_factory=list)
    _size: int = 0

    def take(self, key: int, directory: HeldDirectory, name: str) -> bool:
        """Copy the file *name* of *directory*.

        Return False if it has to be judged alone: it can't be opened, is too large, another's, or just changing.
        """
        try:
            with directory.open(name) as subject:
                file = subject.file
                content = os.pread(subject.fd, SMALL + 1, 0) if file.size <= SMALL else b""
                status = os.fstat(subject.fd)
        except (SubjectError, OSError):
            return False  # alone, it is said what is wrong with it
        owner = status.st_uid if self.owner is None else self.owner
        is_whole = len(content) == file.size and FileId.of(status) == file
        if not is_whole or status.st_uid != owner or self._size + len(content) > _ROOM:
            return False
        self.owner = owner
        self.copies.append(Copy(key, subject.path, file, content))
        self._size += len(content)
        return True

    def leave_out(self, keys: Collection[int]) -> None:
        """Forget the copies with these *keys*."""
        self.copies = [copy for copy in self.copies if copy.key not in keys]

    @property
    def contents(self) -> list[bytes]:
        """The contents, in the order of the copies."""
        return [copy.content for copy in self.copies]
