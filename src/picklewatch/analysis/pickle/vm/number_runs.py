"""Numbers in a row, spelt alike: the items of a list or a tuple, whose opcodes are executed at once.

They end up on the stack as the walk would have put them there, one after the other.
"""

from __future__ import annotations

import re
from itertools import chain
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.vm.values import Value

LEAST = 8
"""Numbers that are worth a look at how many there are."""


def _small(run: Buffer) -> Iterable[int]:
    return run[1::2]


def _unpacked(layout: str) -> Callable[[Buffer], Iterable[Value]]:
    unpack = Struct(layout).iter_unpack
    return lambda run: chain.from_iterable(unpack(run))


_KINDS: dict[int, tuple[int, re.Pattern[bytes], Callable[[Buffer], Iterable[Value]]]] = {
    ord("K"): (2, re.compile(rb"(?:K.)++", re.DOTALL), _small),
    ord("M"): (3, re.compile(rb"(?:M..)++", re.DOTALL), _unpacked("<xH")),
    ord("J"): (5, re.compile(rb"(?:J....)++", re.DOTALL), _unpacked("<xi")),
    ord("G"): (9, re.compile(rb"(?:G.{8})++", re.DOTALL), _unpacked(">xd")),
}
"""BININT1, BININT2, BININT and BINFLOAT: their bytes, a run of them, and its numbers."""
FIRST_OF_RUN = frozenset(_KINDS)
"""The opcodes that a run may begin with."""


def push_numbers(data: Buffer, position: int, end: int, most: int, stack: list[Value]) -> int:
    """Put up to *most* numbers from *position* on onto *stack*, as far as they come in runs; return where they end.

    They are read up to *end* only.
    """
    while position < end and most >= LEAST and data[position] in FIRST_OF_RUN:
        width, pattern, values = _KINDS[data[position]]
        last = position + width * (LEAST - 1)
        if last >= end or data[last] != data[position]:
            break
        run = pattern.match(data, position, min(end, position + width * most))
        assert run is not None
        stack.extend(values(data[position : run.end()]))
        most -= (run.end() - position) // width
        position = run.end()
    return position
