"""The child's half of a batch: many small contents, of each one answer, *inert* or *alone*.

Nothing here keeps a content that took this process over from answering for those that come after it. What does is that
nothing but *inert* can be answered, and what a batch holds: see docs/sandbox.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picklewatch.analysis.unpacking_refused import refuse_unpacking
from picklewatch.sandbox import answers

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.core.model import Limits, ScanReport


def scan_slots(
    job: Callable[..., ScanReport], data: Any, limits: Limits, sizes: list[int], put: Callable[[bytes], None]
) -> None:
    """Judge the contents of *sizes* bytes that lie in *data* one behind the other, each behind its token.

    Each answer leaves this process before the next content is read, so that no content can change what was answered
    before it.
    """
    refusal = refuse_unpacking()
    at = 0
    for size in sizes:
        start = at + answers.TOKEN
        token, at = bytes(data[at:start]).hex(), start + size
        refusal.asked = False
        report = _report(job, data[start:at], limits)
        is_inert = report is not None and answers.is_inert(report) and not refusal.asked
        put(answers.encode_answer(token, report if is_inert else None, limits))


def _report(job: Callable[..., ScanReport], content: Any, limits: Limits) -> ScanReport | None:
    """Return the report on *content*; None where there is none, and another process has to find out why."""
    try:
        return job(content, limits, lambda _finding: None)
    except Exception:  # noqa: BLE001 - memory or a fault: the next content may be judged all the same
        return None
