"""Nothing is judged more kindly for being read at once: tensors by the lane, numbers in runs.

Each mutant is judged twice, as the scan does and opcode by opcode, and the two reports are the same in every field.
"""

from __future__ import annotations

import pickle
from random import Random
from typing import TYPE_CHECKING

import pytest
from fuzz.laws import OneByOne
from fuzz.mutate_pickle import mutate
from samples.opcodes import get, global_
from samples.repeated_tensors import FIRST, TENSORS, TRICKS, checkpoint

from picklewatch.analysis.pickle import Budget, LimitReached, PickleReport, judge_pickle
from picklewatch.analysis.pickle.analyse import report_of
from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.torch_storages import read_storage
from picklewatch.core.model import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits(fickling_seconds=0.0)


def one_by_one(data: bytes) -> PickleReport:
    """Judge *data* opcode by opcode."""
    machine = Machine("", Budget(limits=LIMITS), persistent=True, arrays_inline=False, read_storage=read_storage)
    return report_of(OneByOne(data, 0, machine))


def at_once(data: bytes) -> PickleReport:
    """Judge *data* as a scan does."""
    return judge_pickle(data, budget=Budget(limits=LIMITS), persistent=True, arrays=False)


BASES = [
    *(checkpoint(protocol) for protocol in (2, 4)),
    *(pickle.dumps([list(range(300)), [n / 3 for n in range(40)], tuple(range(900, 960))], n) for n in (2, 4)),
    pickle.dumps([[1 << 20] * 12, [1 << 20, 5, 1 << 9] * 9, [-1] * 20, {n: n for n in range(30)}], 2),
]
PIECES = [
    global_("os", "getcwd") + b")R0",
    *(bytes([one]) for one in b"\x9402bs(tu."),
    b"}b",
    b"K\5",
    b"\x95" + bytes(8),
]
OPCODES = b"qrhjKMJGXct(uRQ0"


def changed(data: bytes, rng: Random) -> bytes:
    """*data*, changed by someone who knows what the lane and the runs look at."""
    place = rng.randrange(len(data) // 2 if rng.random() < 0.8 else 0, len(data))
    kind = rng.random()
    if kind < 0.3:
        return data[:place] + bytes([rng.choice([*OPCODES, rng.randrange(256)])]) + data[place + 1 :]
    if kind < 0.5:
        return data[:place] + rng.choice(PIECES) + data[place:]
    if kind < 0.7:  # a use of anything in the memo, at the place of a value
        at = data.find(b"\x89", place)
        kept = get(rng.randrange(FIRST, FIRST + 9 * TENSORS))
        return data[:at] + rng.choice([kept, kept + b"}b", kept + b"0", b"\x89" + kept]) + data[at + 1 :]
    if kind < 0.8:
        return data[:place] + data[place + rng.randrange(1, 6) :]
    other = rng.randrange(len(data))
    return data[:place] + data[other : other + rng.randrange(1, 60)] + data[place:]


def same(data: bytes) -> bool:
    """Judge *data* both ways, compare, and return True if it is inert."""
    outcomes: list[PickleReport | str] = []
    ways: tuple[Callable[[bytes], PickleReport], ...] = (at_once, one_by_one)
    for way in ways:
        try:
            outcomes.append(way(data))
        except LimitReached as limit:
            outcomes.append(limit.rule)
    assert outcomes[0] == outcomes[1], data
    return isinstance(outcomes[0], PickleReport) and outcomes[0].inert


@pytest.mark.parametrize("protocol", [2, 4])
def test_tensors_that_repeat_are_passed_over(protocol: int) -> None:
    """Of those alike the walk judges one; the report is that of the walk alone."""
    data = checkpoint(protocol)
    machine = Machine("", Budget(limits=LIMITS), persistent=True, arrays_inline=False, read_storage=read_storage)
    walk = Walk(data, 0, machine, lane=True)
    report = report_of(walk)
    assert walk.passed > 9 * 20
    assert report == one_by_one(data)
    assert report.inert
    assert [storage.key for storage in report.storages] == [str(number) for number in range(TENSORS)]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_trick_is_seen_as_opcode_by_opcode(protocol: int, trick: str) -> None:
    """Opcodes that make another thing of tensors that look alike are judged as the walk alone judges them."""
    data = checkpoint(protocol, trick)
    assert data != checkpoint(protocol)
    assert same(data) == (trick == "another type")  # of which only the storages' sizes are others


@pytest.mark.parametrize("base", range(len(BASES)))
def test_a_mutant_is_judged_as_opcode_by_opcode(base: int) -> None:
    """Whatever is changed: the same verdict, findings, imports, storages, and number of opcodes."""
    rng = Random(base)
    assert same(BASES[base])
    inert = 0
    for _ in range(500):
        data = BASES[base]
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            data = changed(data, rng) if rng.random() < 0.75 else mutate(data, rng)
        inert += same(data)
    assert inert > 20  # else the changes were too coarse to say anything


def test_numbers_in_a_row_are_the_numbers() -> None:
    """The values of a run are those that an unpickler makes, across slices of the walk."""
    values = [*range(70_000), *(number / 7 for number in range(500)), *(-number for number in range(1, 300))]
    assert at_once(pickle.dumps(values[:60_000])).value == values[:60_000]
    report = at_once(pickle.dumps(values))
    assert report.inert
    assert report.opcodes == one_by_one(pickle.dumps(values)).opcodes
