"""One batch as the parent sees it: small contents sent to one child, and the answers that can be believed."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from picklewatch.sandbox import wire
from picklewatch.sandbox.answers import AnswerReader
from picklewatch.sandbox.arena import Arena
from picklewatch.sandbox.child_run import run_child
from picklewatch.sandbox.endings import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from picklewatch.core.model import Limits, ScanReport
    from picklewatch.sandbox.child_run import Process

_SECONDS: Final = 10.0
"""Seconds of a whole batch, a hundred times as long as one takes: what is left is then judged alone."""
_CONTENT_SECONDS: Final = 1.0
"""Seconds of one content."""


class BatchStoppedError(Exception):
    """Ends a batch before its end, because something more urgent waits."""


def scan_contents(
    process: Process, contents: Sequence[bytes], limits: Limits, tick: Callable[[], None]
) -> list[ScanReport | None]:
    """Have a child of *process* judge *contents*. Return reports of the inert ones, None for each of the others.

    Raises `DiedError` and `SandboxStartError`. With `BatchStoppedError`, *tick* ends it: the answers are then fewer.
    """
    start, ending, stopped = time.monotonic(), Ending(), False
    with Arena(contents) as arena:
        reader = AnswerReader(arena.tokens, limits)
        bounds = replace(limits, seconds=min(limits.seconds, _SECONDS))
        run = run_child(process, _header(arena, limits), arena.fd, bounds, ending, tick=tick)
        try:
            with contextlib.closing(run) as observed:
                for kind, value in observed:
                    reader.take(kind, value)
        except wire.GarbageError as error:
            ending.garbage = str(error)
        except BatchStoppedError:
            stopped = True
    if ending.garbage or ending.failed:
        return [None] * len(contents)  # nothing that this child said is believed
    milliseconds = (time.monotonic() - start) * 1000 / max(1, len(contents))
    found = [
        report and replace(report, sha256=sha256, duration_ms=milliseconds, peak_kib=ending.peak_kib)
        for report, sha256 in zip(reader.answers, arena.digests, strict=False)
    ]
    return found if stopped else [*found, *[None] * (len(contents) - len(found))]


def _header(arena: Arena, limits: Limits) -> dict[str, object]:
    own = replace(limits, seconds=min(limits.seconds, _CONTENT_SECONDS), fickling_opcodes=0, fickling_seconds=0.0)
    return {"job": "scan", "limits": wire.encode_limits(own), "request": None, "batch": arena.sizes}
