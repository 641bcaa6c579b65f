"""Data behind the end."""

from __future__ import annotations

from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_bytes_behind_the_pickle_are_reported() -> None:
    """None of it is read by the loader; harm in it is a finding of its own."""
    assert levels(BENIGN + b"\0\0\0\0") == {"trailing-data": Level.INFO}


def test_another_pickle_is_no_rest() -> None:
    """Loaders that read in a loop read it."""
    assert levels(BENIGN + BENIGN) == {}
