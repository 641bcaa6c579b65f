"""Finding the pickles in a file exactly as the scan finds them, and showing each as it is found."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.formats import read_content
from picklewatch.analysis.formats.context import Scan
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.pickle import Budget, LimitReached
from picklewatch.analysis.views.observer import Observer

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle import Buffer, PickleReport
    from picklewatch.core.model import Limits

    Visitor = Callable[["Found"], None]


_PROTO, _STOP = 0x80, ord(".")


@dataclass(frozen=True, slots=True)
class Found:
    """A pickle that the scan judged, and how its walk over it went."""

    part: Part
    start: int
    report: PickleReport | None
    """None if a limit ended the walk."""
    arrays: bool
    """Whether the walk took arrays between the opcodes for joblib's."""
    limits: Limits
    budget: Budget
    """For all that the view follows in this file."""

    def observe(self) -> Observer:
        """Walk over it as the scan did, and look."""
        return Observer(self.part.data, self.start, self.budget, arrays=self.arrays)


class Visit(Scan):
    """A scan that calls *visitor* for each pickle that it adopts.

    A pickle whose walk a limit ended is visited without a report.
    """

    def __init__(self, limits: Limits, visitor: Visitor, size: int) -> None:
        super().__init__(limits, read_content, size=size)
        self._visitor = visitor
        # no deadline: whoever reads the view slowly, through a pager, makes it take long
        self._views = Budget(limits=limits, size=size, deadline=math.inf)
        self._seen: set[tuple[str, int, bytes]] = set()
        self._arrays = True

    def pickle(self, part: Part, start: int = 0, **options: Any) -> PickleReport:
        """Judge the pickle at *start*; show it even if a limit ends that."""
        self._arrays = options.get("arrays", True)
        try:
            return super().pickle(part, start, **options)
        except LimitReached:
            self._visit(part, start, None)
            raise
        finally:
            self._arrays = True

    def adopt(self, report: PickleReport, part: Part, *, reads_indices: bool = False) -> None:
        """Note *report*, after showing the pickle."""
        self._visit(part, report.start, report)
        for begin, end in report.gaps:
            if part.data[begin] == _PROTO and part.data[end - 1] == _STOP:  # an array of objects is a pickle itself
                self._visit(part, begin, None)
        self._arrays = True  # for what is found in it
        super().adopt(report, part, reads_indices=reads_indices)

    def _visit(self, part: Part, start: int, report: PickleReport | None) -> None:
        content = part.data[start : report.end if report else None]
        pickle = (part.where, start, hashlib.sha256(content).digest())  # several members may have one name
        if pickle not in self._seen:  # two readings of one container may find the same pickle
            self._seen.add(pickle)
            self._visitor(Found(part, start, report, self._arrays, self.limits, self._views))


def visit(data: Buffer, limits: Limits, visitor: Visitor) -> tuple[str, str]:
    """Show every pickle in *data* to *visitor*; the format, and why it ended early (empty if it did not)."""
    whole = Part(memoryview(data), "", 0)
    scan = Visit(limits, visitor, len(whole.data))
    try:
        return scan.content(whole), ""
    except LimitReached as error:
        return "other", str(error)
