"""A cheap look at whether bytes may be a pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import Budget, LimitReached
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.torch_storages import read_storage
from picklewatch.catalogue.imports.classify import plausible
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Buffer

_OPCODES = frozenset(b"(.0123FIJKLMNPQRSTUVXabcde]lghijopqrstu})GBC") | frozenset(range(0x80, 0x99))
_AFTER_PROTO = _OPCODES - frozenset(b"01abeosutRQ")
_FIRST = frozenset(b"(]})cFGIJKLMNPSTUVXBC") | frozenset(range(0x80, 0x99)) - frozenset(
    {0x81, 0x85, 0x86, 0x87, 0x90, 0x92, 0x93, 0x94}
)
_NEWEST = 5
_SNIFFED_OPCODES = 2_000
"""Opcodes after which it is one: other bytes do not go on as long."""
_SNIFFED_WORK = 50_000
"""Units of work after which it is one."""
_SET_UP = 80
"""Units of work that a walk takes besides its opcodes."""
_SHORTEST = 2
"""Opcodes of a trivial pickle: None, or a number."""
_TRIVIAL = 16
"""Trivial pickles in a row that are no accident."""


def looks_like_pickle(data: Buffer, start: int, budget: Budget | None = None) -> bool:
    """Return True if a pickle may begin at *start*.

    Protocol 2 and later: by its header and the opcode after it. Protocols 0 and 1 have no header: by a walk over
    the first opcodes that must reach STOP, an import or a good stretch of them. Two opcodes are a pickle of None or of
    a number, and any two letters: the bytes that follow decide. *budget* is charged for the walk.
    """
    budget = budget or Budget()
    behind: int | None = start
    for _ in range(_TRIVIAL):
        if behind is None:
            return True
        start, behind = behind, _looks(data, behind, budget)
        if behind == start:
            return False
    return True


def _looks(data: Buffer, start: int, budget: Budget) -> int | None:
    """Return None if a pickle starts here, *start* if not, or the end of a trivial one that needs a second look."""
    if start + 1 >= len(data):
        return start
    first, second = data[start], data[start + 1]
    if first == 0x80:
        headed = second <= _NEWEST and (start + 2 >= len(data) or data[start + 2] in _AFTER_PROTO)
        return None if headed else start
    return _walked(data, start, budget) if first in _FIRST else start


def _imports(module: str, name: str) -> bool:
    """Return True if this import is no accident of other bytes.

    The module is imported before the name is looked for: with one that exists, odd bytes in the name come too late.
    """
    exists = module.partition(".")[0] in STDLIB
    return plausible(module, name) or (exists and plausible(module, "_") and not name.isprintable())


def _walked(data: Buffer, start: int, budget: Budget) -> int | None:
    own = Budget(work_left=_SNIFFED_WORK, opcodes_left=_SNIFFED_OPCODES * 2, deadline=budget.deadline)
    machine = Machine("", own, persistent=True, arrays_inline=False, read_storage=read_storage)
    walk = Walk(data, start, machine)
    walk.limit = _SNIFFED_OPCODES
    try:
        walk.run()
    except LimitReached:
        return None
    finally:
        budget.charge(_SNIFFED_WORK - max(own.work_left, 0) + _SET_UP)
    if any(_imports(imported.module, imported.name) for imported in machine.imports.found.values()):
        return None
    if any(
        finding.level is Level.MALICIOUS
        for finding in machine.observations.findings
        if finding.rule == "frame-mismatch"
    ):
        return None  # C's reader takes other names from here than the walk
    if walk.stopped:
        return None if walk.opcodes > _SHORTEST else walk.position
    return None if walk.opcodes >= walk.limit else start
