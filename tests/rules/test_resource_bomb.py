"""A few bytes that ask the loader for huge amounts of memory."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import NONE, POP, pickle, put

from picklewatch.model import Level


def test_a_huge_memo_index_is_unsafe() -> None:
    """C's unpickler makes its table as large as the index."""
    assert levels(pickle(2, NONE, put(1 << 31)))["resource-bomb"] is Level.UNSAFE


def test_an_index_that_counts_up_is_not() -> None:
    """Picklers number from 0."""
    assert levels(pickle(2, *(NONE + put(index) + POP for index in range(300)), NONE)) == {}
