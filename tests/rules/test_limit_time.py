"""A scan that takes longer than a file may."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import NONE, POP, pickle

from picklewatch.core.model import Level, Limits


def test_a_scan_that_is_over_time_is_unscannable() -> None:
    """No time at all is given here."""
    found = levels(pickle(2, (NONE + POP) * 5_000, NONE), Limits(seconds=1e-9))
    assert found["limit-time"] is Level.UNSCANNABLE


def test_a_scan_within_its_time_is_not_reported() -> None:
    """The same file with the usual limit."""
    assert levels(pickle(2, (NONE + POP) * 5_000, NONE)) == {}
