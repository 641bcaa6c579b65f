"""Running the real command, as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from support.watching import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

_KEPT = ("PATH", "TMPDIR", "LANG", "LC_ALL", "COVERAGE_PROCESS_CONFIG")
EVIL = b"cos\nsystem\n(S'true'\ntR."
"""A pickle that would run ``true``; written by hand and never loaded."""
CLEAN = b"\x80\x04}\x8c\x01a]K\x01as."
"""A pickle of ``{"a": [1]}``."""


class Commands:
    """Runs ``picklewatch`` with a home, caches and a state of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        kept = {name: value for name, value in os.environ.items() if name in _KEPT}
        self.environ = {
            **kept,
            "HOME": str(home),
            "STATE_DIRECTORY": str(home / "state/picklewatch"),  # root's own would be the machine's
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_CONFIG_HOME": str(home / "config"),
            "PICKLEWATCH_WATCH_USERS": "self",
            "COLUMNS": "100",
        }

    def __call__(
        self, *arguments: str | Path, given: bytes | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``picklewatch`` with *arguments*; *given* is its standard input."""
        return subprocess.run(
            self.line(*arguments),
            input=None if given is None else given.decode("latin-1"),
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            encoding="latin-1" if given is not None else "utf-8",
            env={**self.environ, **environ},
            timeout=PATIENCE,
            check=False,
        )

    def line(self, *arguments: str | Path) -> list[str]:
        """Return the whole command line."""
        return [sys.executable, "-I", "-m", "picklewatch", *map(str, arguments)]
