"""A few bytes that ask the loader for huge amounts of memory or time."""

from __future__ import annotations

from pickle import dumps

import pytest
from samples.judging import levels
from samples.opcodes import NONE, POP, pickle, put

from picklewatch.core.model import Level

PAIRS = tuple(b"h%ch%c\x86q%c0" % (number, number, number + 1) for number in range(60))
"""Sixty tuples of two, each of the one before twice, in the memo."""


def test_a_huge_memo_index_is_unsafe() -> None:
    """C's unpickler makes its table as large as the index."""
    assert levels(pickle(2, NONE, put(1 << 31)))["resource-bomb"] is Level.UNSAFE


def test_an_index_that_counts_up_is_not_reported() -> None:
    """Picklers number from 0."""
    assert levels(pickle(2, *(NONE + put(index) + POP for index in range(300)), NONE)) == {}


@pytest.mark.parametrize(
    "use",
    [b"}h\x3cK\x01s", b"\x8f(h\x3c\x90", b"(h\x3c\x91", b"cbuiltins\nfrozenset\n(h\x3c\x85\x85tR"],
    ids=["key", "set", "frozenset", "call"],
)
def test_hashing_what_is_shared_without_end_is_unsafe(use: bytes) -> None:
    """A tuple hashes all in it each time it is met."""
    assert levels(b"\x80\x04K\x01q\x000" + b"".join(PAIRS) + use + b".")["resource-bomb"] is Level.UNSAFE


def test_nested_keys_of_honest_files_are_not_reported() -> None:
    """Pairs of pairs as keys, by the thousand."""
    assert levels(dumps({((number, 1), (2, number)): number for number in range(5_000)}, 4)) == {}
