"""Copies small files for a batch, and makes records of those that are inert.

A batch holds files of one owner and one directory: a child that one of them took over could lie about those behind it,
and whoever put the attack into one file could have put it into each of the others (docs/sandbox.md). Nothing here looks
at a byte.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from picklewatch.core.model import FileId

if TYPE_CHECKING:
    from picklewatch.access.open_file import Subject

SMALL: Final = 64 << 10
"""Bytes of a file that goes into a batch, at most: the judgement of a larger one costs more than its process."""
MOST: Final = 256
"""Files of a batch, at most."""
_ROOM: Final = 4 << 20
"""Bytes of a batch, at most."""


@dataclass(slots=True)
class SmallFiles:
    """Copies of files, with the keys under which the caller knows them."""

    owner: int
    """The user whose files all of them are."""
    keys: list[int] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    _size: int = 0

    def take(self, key: int, subject: Subject) -> bool:
        """Copy *subject*; return False if it has to be judged alone: it is too large, another's, or just changing."""
        content = os.pread(subject.fd, SMALL + 1, 0) if subject.file.size <= SMALL else b""
        status = os.fstat(subject.fd)
        is_whole = len(content) == subject.file.size and FileId.of(status) == subject.file
        if not is_whole or status.st_uid != self.owner or self._size + len(content) > _ROOM:
            return False
        self.keys.append(key)
        self.contents.append(content)
        self._size += len(content)
        return True
