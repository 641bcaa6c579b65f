"""One pickle as fickling decompiles it, within bounds: small pickles can make it run for ever.

Runs in the sandboxed child only; fickling is imported by the warm process.
"""

from __future__ import annotations

import ast
import contextlib
import io
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from picklewatch.model import Limits

BYTES: Final = 8 << 20
"""Bytes of one pickle up to which fickling is asked."""
STATEMENT: Final = 4_000
"""Characters of one statement's line that are kept."""


class NoViewError(Exception):
    """Fickling has no view of this pickle; the text says why."""


class _TooLongError(BaseException):
    """Time is up. Not an `Exception`, so that nothing in between takes it for its own."""


def fickled(data: bytes, limits: Limits) -> list[str]:
    """Give fickling's Python for the pickle *data*, line by line. Raises `NoViewError`."""
    if len(data) > BYTES:
        raise NoViewError(f"it is not asked about pickles of more than {BYTES >> 20} MiB")
    try:
        with _bounded(limits.fickling_seconds):
            return _lines(data)
    except _TooLongError:
        raise NoViewError(f"it takes longer than {limits.fickling_seconds:g} seconds") from None
    except MemoryError:
        raise NoViewError("it runs out of memory") from None
    except Exception as error:  # noqa: BLE001 - whatever it makes of hostile bytes, ours is shown instead
        text = str(error).splitlines()[0][:200] if str(error) else ""
        raise NoViewError(f"it fails with {type(error).__name__}: {text}") from None


def _lines(data: bytes) -> list[str]:
    from fickling.fickle import Pickled

    lines: list[str] = []
    for statement in Pickled.load(io.BytesIO(data)).ast.body:
        lines += [line[:STATEMENT] for line in ast.unparse(statement).split("\n")]
    return lines


@contextlib.contextmanager
def _bounded(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after *seconds* of processor time."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
