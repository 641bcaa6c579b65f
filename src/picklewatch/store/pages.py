"""Whether the bytes of a database look like one, without SQLite, which would show what it has in memory.

See https://sqlite.org/fileformat2.html: every page of a database that begins with none of these bytes is none of its.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MAGIC: Final = b"SQLite format 3\0"
_WAL_MAGICS: Final = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_FIRST_BYTES: Final = frozenset(b"\x00\x02\x05\x0a\x0d")
"""Of an overflow or free page (a page number below 2**24), and the four kinds of b-tree pages."""
_PAGES: Final = 64
"""Pages looked at each time."""
_WAL_HEADER: Final = 32
_FRAME_HEADER: Final = 24


class Pages:
    """The files at *path* and beside it, held open: closing the database's would give up SQLite's locks on it."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._wal = path.with_name(f"{path.name}-wal")
        self._size = 0
        self._page = 0
        self._frame = 0
        self._was_odd = False

    def close(self) -> None:
        """Close it, after the connection."""
        os.close(self._fd)

    def look(self) -> bool:
        """Look at the next pages. False if the files were damaged the last time, too: a moment may be deceptive."""
        try:
            is_odd = not (self._is_database() and self._is_log())
        except OSError:  # SQLite will meet it, too, and say so
            is_odd = False
        was, self._was_odd = self._was_odd, is_odd
        return not (was and is_odd)

    def _is_database(self) -> bool:
        header = os.pread(self._fd, 100, 0)
        former, self._size = self._size, os.fstat(self._fd).st_size
        size = _page_size(header)
        if not header.startswith(_MAGIC) or not size or self._size < former:  # it is never vacuumed
            self._size = former
            return False
        number = self._size // size
        pages = [(self._page + step) % number for step in range(min(_PAGES, number))]
        self._page = (pages[-1] + 1) % number if pages else 0
        return all(page == 0 or os.pread(self._fd, 1, page * size)[0] in _FIRST_BYTES for page in pages)

    def _is_log(self) -> bool:
        with _opened(self._wal) as fd:
            if fd is None:
                return True
            header = os.pread(fd, _WAL_HEADER, 0)
            if not header:
                return True
            frame = _FRAME_HEADER + int.from_bytes(header[8:12])
            number = (os.fstat(fd).st_size - _WAL_HEADER) // frame
            frames = [(self._frame + step) % number for step in range(min(_PAGES, number))]
            self._frame = (frames[-1] + 1) % number if frames else 0
            return header[:4] in _WAL_MAGICS and all(
                _is_frame(os.pread(fd, _FRAME_HEADER + 1, _WAL_HEADER + index * frame)) for index in frames
            )


def _page_size(header: bytes) -> int:
    size = int.from_bytes(header[16:18])
    return 65536 if size == 1 else size


def _is_frame(start: bytes) -> bool:
    first = int.from_bytes(start[:4]) == 1
    return len(start) == _FRAME_HEADER + 1 and (start[-1] in _FIRST_BYTES or (first and start[-1:] == _MAGIC[:1]))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
