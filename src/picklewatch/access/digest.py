"""The SHA-256 of a content, which operators vouch for; the child that parses the content does not compute it.

A child that was taken over would claim the digest of something that is allowed. Hashing is not parsing, so the thread
that waits for the child does it, from the same descriptor, and releases the interpreter lock meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING, Final

from picklewatch.access.holes import is_hole, is_sparse
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.core.model import ScanReport

BLOCK: Final = 1 << 20
"""Bytes of content held in memory at once."""
DIGEST_ALWAYS: Final = 64 << 20
"""Bytes up to which every content's digest is computed; of larger ones only where there is something to report."""
_FASTEST: Final = 4 << 30
"""Bytes per second that no processor hashes."""
_ZEROS: Final = bytes(BLOCK)


def is_wanted(report: ScanReport, size: int) -> bool:
    """Return True if the digest of a content of *size* bytes matters: somebody may have to vouch for it."""
    quiet = report.complete and all(finding.level is Level.INFO for finding in report.findings)
    return not quiet or size <= DIGEST_ALWAYS


def blocks(descriptor: int, size: int) -> Iterator[bytes]:
    """Yield the first *size* bytes of *descriptor*, and one more if there is more: content that grows has an end here.

    Holes are not read, which would fill the page cache with zeros. The descriptor's offset, which others may share,
    stays.
    """
    offset, sparse = 0, is_sparse(descriptor, size)
    while True:
        length = min(BLOCK, size + 1 - offset)
        if sparse and length == BLOCK and is_hole(descriptor, offset, offset + length):
            block = _ZEROS
        else:
            block = os.pread(descriptor, length, offset)
        if not block:
            return
        yield block
        offset += len(block)


def sha256_within(descriptor: int, seconds: float, tick: Callable[[], None] = lambda: None) -> str | None:
    """Return the SHA-256 of the content; None if hashing it takes more than *seconds*, at once where that is certain.

    *tick* is called before each block; what it raises ends the work.
    """
    sha256, end = hashlib.sha256(), time.monotonic() + seconds
    size = os.fstat(descriptor).st_size
    if size > seconds * _FASTEST:
        return None
    tick()
    for block in blocks(descriptor, size):
        if time.monotonic() > end:
            return None
        sha256.update(block)
        tick()
    return sha256.hexdigest()
