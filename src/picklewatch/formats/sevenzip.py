"""7z archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.formats.base import Format
from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.formats.base import Part, Scan

MAGIC = b"7z\xbc\xaf\x27\x1c"


def _matches(head: bytes, _data: memoryview) -> bool:
    return head.startswith(MAGIC)


def _read(scan: Scan, part: Part) -> None:
    scan.code_bearing = True
    scan.finding("archive-not-readable", Level.UNSCANNABLE, part.where, "A 7z archive can't be read here.")


def warm() -> None:
    """Nothing yet."""


FORMATS = (Format("7z", _matches, _read),)
