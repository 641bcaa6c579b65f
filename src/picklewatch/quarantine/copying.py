"""Content from one descriptor to another, in bounded memory, on disk on return."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Final

from picklewatch.access.digest import BLOCK, blocks
from picklewatch.quarantine import fs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.quarantine.place import Place

_ZEROS: Final = bytes(BLOCK)
_UNIT: Final = 512
"""Bytes in the unit of ``st_blocks``, whatever the file system's own is."""


def copy(source: int, target: Place, size: int) -> str:
    """Copy *size* bytes into the new file *target*, on disk on return; return the SHA-256.

    A source that has changed its length gives another SHA-256, by which the caller notices.
    """
    descriptor = fs.create(target.fd, target.name)
    try:
        return fill(descriptor, source, size)
    finally:
        os.close(descriptor)


def fill(descriptor: int, source: int, size: int) -> str:
    """Make *size* bytes of *source* all the content of *descriptor*; return the SHA-256.

    Blocks of zeros become holes: a hostile file with a hole of 60 GiB must find room, too.
    """
    fs.truncate(descriptor, 0)
    if os.fstat(source).st_blocks * _UNIT >= size:
        fs.allocate(descriptor, size)
    return _write(descriptor, blocks(source, size), has_holes=True)


def overwrite(descriptor: int, data: bytes) -> str:
    """Make *data* all the content of *descriptor*; return the SHA-256."""
    return _write(descriptor, [data])


def _write(descriptor: int, blocks: Iterable[bytes], *, has_holes: bool = False) -> str:
    sha256, offset = hashlib.sha256(), 0
    for block in blocks:
        sha256.update(block)
        if not (has_holes and block == _ZEROS):
            fs.write(descriptor, block, offset)
        offset += len(block)
    fs.truncate(descriptor, offset)
    fs.sync(descriptor)
    return sha256.hexdigest()
