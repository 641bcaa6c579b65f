"""Walks over bytes that may or may not be a pickle, of which nothing counts until the caller adopts the report.

Bytes of tensors, images and texts begin like a pickle every few kilobytes by chance, and an attacker can make them do
so at every byte: where no loader begins, a walk is short, and all such walks together have a budget of their own.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle import PickleReport

TRIAL_OPCODES = 100_000
"""Opcodes that a walk may take at a place where no loader begins and no header stands."""

TRIAL = 50
"""Units of work that a walk takes besides its opcodes."""
_PROTO = 0x80


def trial(scan: Scan, part: Part, start: int = 0) -> PickleReport | None:
    """Walk bytes that may or may not be a pickle; record nothing.

    Where a loader starts (at 0), or a protocol header stands, the walk goes as far as any other. Elsewhere it is
    cut short: then, and once the budget for such places is used up, the answer is None and a finding reports it.
    """
    scan.check()
    scan.budget.charge(TRIAL)
    with _quietly(scan):
        if start == 0 or part.data[start] == _PROTO:
            return scan.walk(part, start)
        if scan.doubtful_left <= 0:
            _give_up(scan, part, start)
            return None
        report = scan.walk(part, start, most=TRIAL_OPCODES)
    scan.doubtful_left -= report.opcodes + TRIAL
    if report.opcodes < TRIAL_OPCODES:
        return report
    _give_up(scan, part, start)
    return None


def _give_up(scan: Scan, part: Part, start: int) -> None:
    scan.complete = False
    summary = "More looks like a pickle, where no loader begins, than a scan may walk through."
    scan.finding("limit-search", Level.UNSCANNABLE, part.at(start), summary)


@contextlib.contextmanager
def _quietly(scan: Scan) -> Iterator[None]:
    """Pass no finding on and ask fickling for no evidence: the caller decides whether the walk counts."""
    budget = scan.budget
    kept = budget.tell, budget.fickling_seconds_left
    budget.tell, budget.fickling_seconds_left = None, 0.0
    try:
        yield
    finally:
        budget.tell, budget.fickling_seconds_left = kept
