"""The ledger of one file's runs: a long run that ends early goes on there the next time.

Beside the findings the file has a line for each step that was done: a class, a row of calls, a search with one seed.
Its first line says by which engine and in which environment; a count is over one of each.
"""

from __future__ import annotations

import json
import sys
from typing import IO, TYPE_CHECKING, Any

from oracle.installed import Vouched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SEARCH = "chain "
"""The step of compositions begins with this; the seed follows."""


class OtherEngineError(Exception):
    """The file is of another engine or environment: its loads prove nothing of this one."""


class Ledger:
    """The steps that are done, in a file, or in memory alone."""

    def __init__(self, out: IO[str] | None, engine: str) -> None:
        self.clean: dict[str, int] = {}
        """Step → clean pickles that were loaded in it."""
        self.vouched: Vouched | None = None
        """What the engine vouches for, as found by an earlier run: to ask takes minutes."""
        self.findings = 0
        """What earlier runs found."""
        self._out = out
        head = {"engine": engine, "environment": f"{sys.prefix}, Python {sys.version.split()[0]}"}
        if out is not None and not self._read(out, head):
            self._write(head)

    @property
    def total(self) -> int:
        """Return the number of clean pickles that were loaded by all runs."""
        return sum(self.clean.values())

    @property
    def fresh_seed(self) -> int:
        """Return the first seed from 1 up with which no search was done."""
        seeds = [int(step.removeprefix(SEARCH)) for step in self.clean if step.startswith(SEARCH)]
        return max(seeds, default=0) + 1

    def done(self, step: str, clean: int) -> None:
        """Note that *clean* pickles were loaded in *step*; what was noted of it before is replaced."""
        self.clean[step] = clean
        self._write({"step": step, "clean": clean})

    def keep(self, found: Vouched) -> None:
        """Note what the engine vouches for."""
        self.vouched = found
        self._write({"made": found.made, "called": found.called, "kept": found.kept})

    def _read(self, out: IO[str], head: Mapping[str, str]) -> bool:
        """Read the lines of earlier runs, and return True if there is one."""
        out.seek(0)
        lines = out.readlines()
        if not lines:
            return False
        if not lines[-1].endswith("\n"):
            out.write("\n")  # the run was ended while it wrote
        if _entry(lines[0]) != head:
            raise OtherEngineError(f"it begins with {lines[0].strip()}, and this is {json.dumps(head)}")
        self._take(map(_entry, lines))
        return True

    def _take(self, entries: Iterable[dict[str, Any]]) -> None:
        for entry in entries:
            if "step" in entry:
                self.clean[entry["step"]] = entry["clean"]
            elif "made" in entry:
                self.vouched = Vouched(**entry)
            self.findings += "label" in entry

    def _write(self, line: Mapping[str, object]) -> None:
        if self._out is not None:
            self._out.write(json.dumps(line) + "\n")
            self._out.flush()


def _entry(line: str) -> dict[str, Any]:
    try:
        entry: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}  # half a line
    return entry
