"""The parent's half of a rescue: has a child plan what can be saved of a file. Believes nothing that comes back."""

from __future__ import annotations

import contextlib
import os
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.model import DEFAULT_LIMITS
from picklewatch.sandbox import wire
from picklewatch.sandbox.child_run import run_child
from picklewatch.sandbox.endings import Ending
from picklewatch.sandbox.scanner import Scanner
from picklewatch.sandbox.starting import DiedError

if TYPE_CHECKING:
    from collections.abc import Generator

    from picklewatch.core.model import Limits

RESCUE: Final = "picklewatch.analysis.rescue.plan:rescue"
"""The function that the child runs on a file's content."""
_SECONDS: Final = 3_600
"""Seconds, of processor time too, that a rescue may take: only the person who asked for it waits."""
_OUTPUT: Final = 256 << 20
"""Bytes of a plan: two hundred thousand tensors with long names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueRequest:
    """One request to plan what can be saved of a file."""

    only: str | None = None
    """Only what lies under this name."""
    anew: bool = False
    """True for a whole checkpoint with its structure, False for its tensors alone."""


class Rescuer(Scanner):
    """A scanner that can also have a child plan a rescue. *job* is that child's function, for tests."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, *, require_sandbox: bool = False, job: str = RESCUE) -> None:
        super().__init__(limits, require_sandbox=require_sandbox, others={"rescue": job})

    def rescue(self, fd: int, request: RescueRequest) -> Generator[dict[str, Any] | bytes, None, None]:
        """Plan what can be saved of the content behind *fd*: lines as `view` has them, then raw bytes.

        The child works only as fast as they are consumed, and ends when they no longer are. If it does not reach its
        end, the last line has ``"kind": "broken"`` and the reason in ``"text"``.
        """
        limits = replace(self._limits, seconds=_SECONDS, cpu_seconds=_SECONDS, output=_OUTPUT)
        ending = Ending(size=os.fstat(fd).st_size)
        header = {"job": "rescue", "limits": wire.encode_limits(limits), "request": asdict(request)}
        finished = False
        with (
            self._lock,
            contextlib.closing(
                run_child(self._ready(), header, fd, limits, ending, tick=lambda: None, raw=True)
            ) as observed,
        ):
            try:
                for kind, value in observed:
                    if kind == "end":
                        finished = True
                    else:
                        yield value if kind == "raw" and isinstance(value, bytes) else wire.view_line(kind, value)
            except wire.GarbageError as error:
                ending.garbage = str(error)
            except DiedError:
                self._discard()
        finding = ending.finding(limits)
        if finding is not None or not finished:
            yield {"kind": "broken", "text": finding.summary if finding else "The rescue ended early."}
