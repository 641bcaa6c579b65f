"""Known vulnerabilities of the interpreter in modules that read archives.

There is none to list for `pickle`: CPython calls it unsafe by design, and picklewatch never uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.doctor.checkup import CheckResult, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LIMITS = "a scan ends at its limits"
_OWN_READER = "picklewatch reads zip by itself"
_NO_EXTRACTION = "picklewatch extracts nothing"
_NOT_REUSED = "picklewatch drops a decompressor that failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """One vulnerability of CPython."""

    cve: str
    module: str
    """The module of the standard library that has it."""
    what: str
    """The use that a hostile file can make of it."""
    means: str
    """The consequence for picklewatch."""
    fixed: Mapping[int, int]
    """Minor version of Python 3 → the first release of it without the hole. Later minor versions never had it."""

    def is_in(self, version: tuple[int, int, int]) -> bool:
        """Return True if CPython *version* has it, as released by the project; distributions backport fixes."""
        _, minor, micro = version
        return minor in self.fixed and micro < self.fixed[minor]


HOLES = (
    Hole(
        cve="CVE-2024-0450",
        module="zipfile",
        what="bombs of overlapping members",
        means=_OWN_READER,
        fixed={11: 8, 12: 2},
    ),
    Hole(
        cve="CVE-2024-6232",
        module="tarfile",
        what="headers that take years to match",
        means=_LIMITS,
        fixed={11: 10, 12: 6},
    ),
    Hole(
        cve="CVE-2024-8088",
        module="zipfile",
        what="names on which Path loops for ever",
        means=_OWN_READER,
        fixed={11: 10, 12: 6},
    ),
    Hole(
        cve="CVE-2025-4517",
        module="tarfile",
        what="links past the extraction filters (and CVE-2025-4330, -4435)",
        means=_NO_EXTRACTION,
        fixed={11: 13, 12: 11, 13: 4},
    ),
    Hole(
        cve="CVE-2025-8194",
        module="tarfile",
        what="negative sizes that loop for ever",
        means=_LIMITS,
        fixed={11: 14, 12: 12, 13: 6},
    ),
    Hole(
        cve="CVE-2025-8291",
        module="zipfile",
        what="other members than other readers see",
        means=_OWN_READER,
        fixed={11: 14, 12: 12, 13: 10, 14: 1},
    ),
    Hole(
        cve="CVE-2025-13462",
        module="tarfile",
        what="members taken for directories",
        means="a loader with another Python may see more than the scan",
        fixed={11: 16, 12: 14, 13: 13, 14: 4},
    ),
    Hole(
        cve="CVE-2026-6100",
        module="lzma, bz2",
        what="use of freed memory, after a failure",
        means=_NOT_REUSED,
        fixed={11: 16, 12: 14, 13: 14, 14: 5},
    ),
    Hole(
        cve="CVE-2026-9669",
        module="bz2",
        what="overwritten memory, after a failure",
        means=_NOT_REUSED,
        fixed={11: 16, 12: 14, 13: 14, 14: 6},
    ),
    Hole(
        cve="CVE-2026-15310",
        module="zipfile",
        what="small members that take all memory",
        means=_OWN_READER,
        fixed={11: 17, 12: 15, 13: 16, 14: 8},
    ),
    Hole(
        cve="CVE-2026-82049",
        module="tarfile",
        what="hard links past the extraction filters",
        means=_NO_EXTRACTION,
        fixed={11: 17, 12: 15, 13: 16},
    ),
)
"""Oldest first. From the CVE records of the Python Software Foundation (``lessThan``) and, where they name no release
of a security-only branch, from CPython's own ``Misc/NEWS.d/3.*.rst``."""


def holes(version: tuple[int, int, int]) -> Iterator[CheckResult]:
    """Check for known vulnerabilities of CPython *version*. Never bad: scans are confined, and fixes are backported."""
    shown = ".".join(map(str, version))
    found = [hole for hole in HOLES if hole.is_in(version)]
    facts = {"python": shown, "holes": [hole.cve for hole in found]}
    if not found:
        text = f"Python {shown} has none of the {len(HOLES)} known vulnerabilities of tarfile, zipfile, lzma and bz2."
        yield CheckResult(name="interpreter", state=Grade.GOOD, text=text, facts=facts)
        return
    known = f"{len(found)} known {'vulnerability' if len(found) == 1 else 'vulnerabilities'}"
    lines = [f"Python {shown} has {known} in modules that read archives."]
    lines += [f"  {hole.cve} in {hole.module}: {hole.what}; {hole.means}" for hole in found]
    release = f"{version[0]}.{version[1]}.{max(hole.fixed[version[1]] for hole in found)}"
    hint = (
        f"Python {release} or later has none of them. Your distribution may have backported the fixes under the same "
        "number: its security notices list them. Other programs that run with this Python are affected, too."
    )
    yield CheckResult(
        name="interpreter", state=Grade.REMARK, text="\n".join(lines), hint=hint, facts={**facts, "fixed_in": release}
    )
