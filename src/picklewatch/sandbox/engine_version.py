"""The versions of the engine, under which verdicts are stored."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

from picklewatch import __version__
from picklewatch.core.model import EngineVersion

_PACKAGE = Path(__file__).parent.parent
_JUDGING = (
    "analysis/*.py",
    "analysis/formats/**/*.py",
    "analysis/pickle/**/*.py",
    "analysis/python/**/*.py",
    "catalogue/*.py",
    "catalogue/classes/**/*.py",
    "catalogue/classes/*.bin",
    "catalogue/imports/**/*.py",
    "catalogue/loaders/**/*.py",
    "core/**/*.py",
)
"""The sources that a verdict depends on: what the child imports, and what makes its findings a verdict."""


@cache
def rules_version() -> str:
    """Return a digest of the sources that a verdict depends on, lists included: 12 hexadecimal digits.

    Any change of them may change a judgement, so any change makes stored verdicts stale.
    """
    digest = hashlib.sha256()
    for source in judging_sources():
        digest.update(source.relative_to(_PACKAGE).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def judging_sources() -> list[Path]:
    """Return the files that a verdict depends on."""
    return sorted(source for pattern in _JUDGING for source in _PACKAGE.glob(pattern) if source.is_file())


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
