"""Finding the pickles in a file exactly as the scan finds them, and showing each as it is found."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.formats import read_content
from picklewatch.analysis.formats.context import Scan
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.pickle import LimitReached

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle import PickleReport
    from picklewatch.core.model import Limits

    Visitor = Callable[[Part, int, PickleReport | None], None]


_PROTO, _STOP = 0x80, ord(".")


class Visit(Scan):
    """A scan that calls *visitor* for each pickle that it adopts, with the report of the walk over it.

    A pickle whose walk a limit ended is visited without a report.
    """

    def __init__(self, limits: Limits, visitor: Visitor) -> None:
        super().__init__(limits, read_content)
        self._visitor = visitor
        self._seen: set[tuple[str, int, bytes]] = set()

    def pickle(self, part: Part, start: int = 0, **options: Any) -> PickleReport:
        """Judge the pickle at *start*; show it even if a limit ends that."""
        try:
            return super().pickle(part, start, **options)
        except LimitReached:
            self._visit(part, start, None)
            raise

    def adopt(self, report: PickleReport, part: Part) -> None:
        """Note *report*, after showing the pickle."""
        self._visit(part, report.start, report)
        for begin, end in report.gaps:
            if part.data[begin] == _PROTO and part.data[end - 1] == _STOP:  # an array of objects is a pickle itself
                self._visit(part, begin, None)
        super().adopt(report, part)

    def _visit(self, part: Part, start: int, report: PickleReport | None) -> None:
        content = part.data[start : report.end if report else None]
        pickle = (part.where, start, hashlib.sha256(content).digest())  # several members may have one name
        if pickle not in self._seen:  # two readings of one container may find the same pickle
            self._seen.add(pickle)
            self._visitor(part, start, report)


def visit(data: Any, limits: Limits, visitor: Visitor) -> tuple[str, str]:
    """Show every pickle in *data* to *visitor*; the format, and why it ended early (empty if it did not)."""
    scan = Visit(limits, visitor)
    try:
        return scan.content(Part(memoryview(data), "", 0)), ""
    except LimitReached as error:
        return "other", str(error)
