"""More opcodes than a scan may walk."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import NONE, POP, pickle

from picklewatch.core.model import Level, Limits


def test_a_walk_ends_at_the_limit() -> None:
    """The rest was not looked at."""
    found = levels(pickle(2, (NONE + POP) * 5_000, NONE), Limits(opcodes=1_000))
    assert found["limit-opcodes"] is Level.UNSCANNABLE


def test_a_walk_within_the_limit_is_not_reported() -> None:
    """Each opcode counts once."""
    assert levels(pickle(2, (NONE + POP) * 400, NONE), Limits(opcodes=1_000)) == {}
