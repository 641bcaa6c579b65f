"""Findings: made small, kept as text beside this file, replayed by ``tests/property/test_fuzz_found.py``."""

from __future__ import annotations

import hashlib
import re
import textwrap
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.target import LawBrokenError

import picklewatch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fuzz.target import Target

FOUND = Path(__file__).parent / "found"
"""A directory a target; a file an input: ``# what was found`` and the bytes in hexadecimal digits."""
_PACKAGE = Path(picklewatch.__file__).parent
_MINIMISING = 60.0
"""Seconds that making one finding small may take."""


def signature(error: BaseException) -> str:
    """Return the mark of one fault: the law, or the exception and the function that let it out."""
    if isinstance(error, LawBrokenError):
        return error.law
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(_PACKAGE)]
    place = next((f"{Path(frame.filename).stem}.{frame.name}" for frame in ours), "")
    return f"{type(error).__name__}-at-{place}" if place else type(error).__name__


def tried(target: Target, data: bytes) -> BaseException | None:
    """Return the exception that *target* raises for *data*."""
    try:
        target.run(data)
    except Exception as error:  # noqa: BLE001 - the finding
        return error
    return None


def smallest(data: bytes, still: Callable[[bytes], bool], seconds: float = _MINIMISING) -> bytes:
    """*data* without what the finding does not need: ever smaller stretches are left out."""
    end = time.monotonic() + seconds
    size = max(1, len(data) // 2)
    while size:
        at = 0
        while at < len(data) and time.monotonic() < end:
            shorter = data[:at] + data[at + size :]
            if still(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def save(target: Target, data: bytes, what: str, detail: str, home: Path = FOUND) -> Path:
    """Write down a finding."""
    home = home / target.name
    home.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-")
    file = home / f"{name}-{hashlib.sha256(data).hexdigest()[:8]}.txt"
    about = textwrap.shorten(detail.encode("ascii", "backslashreplace").decode(), 300)
    file.write_text(f"# {what}: {about}\n" + "\n".join(textwrap.wrap(data.hex(), 120)) + "\n")
    return file


def load(file: Path) -> bytes:
    """The bytes of a finding."""
    return bytes.fromhex("".join(line for line in file.read_text().splitlines() if not line.startswith("#")))


def saved() -> Iterator[tuple[str, Path]]:
    """Every finding that is kept: target and file."""
    for file in sorted(FOUND.glob("*/*.txt")):
        yield file.parent.name, file
