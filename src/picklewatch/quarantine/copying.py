"""Content from one descriptor to another, in bounded memory, on disk on return."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from picklewatch.access.digest import blocks
from picklewatch.quarantine import fs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.quarantine.place import Place


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
    """Make *size* bytes of *source* all the content of *descriptor*; return the SHA-256."""
    fs.allocate(descriptor, size)
    return overwrite(descriptor, blocks(source, size))


def overwrite(descriptor: int, blocks: Iterable[bytes]) -> str:
    """Make *blocks* all the content of *descriptor*; return the SHA-256."""
    sha256, offset = hashlib.sha256(), 0
    for block in blocks:
        sha256.update(block)
        fs.write(descriptor, block, offset)
        offset += len(block)
    fs.truncate(descriptor, offset)
    fs.sync(descriptor)
    return sha256.hexdigest()
