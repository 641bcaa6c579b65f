"""Links of a tar: whether a member would be written through one, out of the directory that it is unpacked to.

A link to an absolute path is how every root file system and container layer looks, and does nothing by itself. It is
an attack once a later member lies behind it, or has its name: `tarfile` opens that one through the link
(CVE-2007-4559, and CVE-2025-4517 of its filters).
"""

from __future__ import annotations

import posixpath
import tarfile
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.member_names import climbs, escapes

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.formats.tar_headers import TarMember

_PER_UNIT = 512
"""Letters that are compared in the time of one unit of work."""


class ArchiveLinks:
    """The links of one archive that lead out of it, as far as it was read."""

    def __init__(self, charge: Callable[[int], None]) -> None:
        self._charge = charge
        self._outside: set[str] = set()

    def leads_out(self, member: TarMember) -> bool:
        """Take in the next member; return True if extracting it writes, or links, outside of the directory."""
        name = _plain(member.name)
        through = self._behind(name)
        symbolic = member.kind == tarfile.SYMTYPE
        if not symbolic and member.kind != tarfile.LNKTYPE:
            return through or name in self._outside
        target = posixpath.join(posixpath.dirname(member.name) if symbolic else "", member.link)
        plain = _plain(target)
        reached = plain in self._outside or self._behind(plain)
        if escapes(target) or reached:
            self._outside.add(name)
        if symbolic:
            return through or climbs(target) or (reached and not member.link.startswith("/"))
        return through or escapes(target) or reached

    def _behind(self, name: str) -> bool:
        """Return True if a directory in *name* is such a link."""
        if not self._outside:
            return False
        parts = name.split("/")
        self._charge(1 + len(parts) * len(name) // _PER_UNIT)
        return any("/".join(parts[:count]) in self._outside for count in range(1, len(parts)))


def _plain(name: str) -> str:
    """Return *name* as file systems that ignore case compare it."""
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").casefold()
