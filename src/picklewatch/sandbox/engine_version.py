"""The versions of the engine, under which verdicts are stored."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

from picklewatch import __version__
from picklewatch.core.model import EngineVersion

_JUDGING = (
    "analysis/content.py",
    "analysis/formats/**/*.py",
    "analysis/pickle/**/*.py",
    "catalogue/imports/**/*.py",
    "catalogue/classes/**/*.py",
    "catalogue/classes/*.bin",
)
"""The sources that a verdict depends on."""


@cache
def rules_version() -> str:
    """Return a digest of the engine's and the formats' sources, lists included: 12 hexadecimal digits.

    Any change of them may change a judgement, so any change makes stored verdicts stale.
    """
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for source in sorted(source for pattern in _JUDGING for source in package.glob(pattern)):
        if source.is_file():
            digest.update(source.relative_to(package).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def engine_version() -> EngineVersion:
    """Return the versions of picklewatch, fickling (without importing it) and the rules."""
    return EngineVersion(picklewatch=__version__, fickling=_installed("fickling"), rules=rules_version())


def _installed(name: str) -> str:
    """Return the version of the distribution *name*, or ``none``.

    It is found by the name of its ``.dist-info`` folder: importlib.metadata gives the same, but importing it takes
    longer than a scan.
    """
    for entry in sys.path:
        try:
            with os.scandir(entry or ".") as items:
                found = next((item.name for item in items if _describes(item.name, name)), None)
        except OSError:
            continue
        if found is not None:
            return found.removesuffix(".dist-info").rpartition("-")[2]
    return "none"


def _describes(folder: str, name: str) -> bool:
    return folder.startswith(f"{name}-") and folder.endswith(".dist-info")
