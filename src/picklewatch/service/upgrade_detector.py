"""Detects that the program's own files were replaced while it runs: an upgrade."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import picklewatch

if TYPE_CHECKING:
    import os

_Identity = tuple[int, int, int] | None


class UpgradeDetector:
    """Compares the package that this process was started from with the one in its place now."""

    def __init__(self, package: Path = Path(picklewatch.__file__)) -> None:
        self._package = package
        self._mine = self._seen = _identity(package)

    def is_replaced(self) -> bool:
        """Return True if another is in its place, and was already at the last call: the upgrade is over."""
        before, self._seen = self._seen, _identity(self._package)
        return self._seen is not None and self._seen == before != self._mine


def _identity(path: Path) -> _Identity:
    try:
        status: os.stat_result = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns  # inode numbers are used again, and pip sets mtimes
