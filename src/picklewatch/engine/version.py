"""What judged a file: the versions that a verdict is kept under."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

from picklewatch import __version__
from picklewatch.model import EngineVersion


@cache
def rules_version() -> str:
    """A digest of the engine's and the formats' sources, lists included: 12 hexadecimal digits.

    Any change of them may change a judgement, so any change makes stored verdicts stale.
    """
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for source in sorted((*package.glob("engine/**/*.py"), *package.glob("formats/**/*.py"), package / "scan.py")):
        if source.is_file():
            digest.update(source.relative_to(package).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def engine_version() -> EngineVersion:
    """The versions of picklewatch, fickling (without importing it) and the rules."""
    try:
        fickling = metadata.version("fickling")
    except metadata.PackageNotFoundError:
        fickling = "none"
    return EngineVersion(picklewatch=__version__, fickling=fickling, rules=rules_version())
