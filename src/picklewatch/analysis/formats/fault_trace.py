"""What is needed of the trace of a fault of ours: `traceback` reads sources and takes longer to import."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


def release(trace: TracebackType | None) -> None:
    """Let go of what the functions that *trace* leads through hold in memory."""
    while trace is not None:
        with contextlib.suppress(RuntimeError):  # it is still running
            trace.tb_frame.clear()
        trace = trace.tb_next


def own_place(trace: TracebackType | None) -> str:
    """Return the innermost place in our own code that *trace* leads through, as ``function:line``; may be empty."""
    place = ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "picklewatch" in code.co_filename:
            place = f"{code.co_name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
