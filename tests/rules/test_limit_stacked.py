"""Too many pickles in a row."""

from __future__ import annotations

from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.formats.pickles import STACKED
from picklewatch.model import Level


def test_an_endless_row_is_unscannable() -> None:
    """The rest was not judged."""
    assert levels(BENIGN * (STACKED + 1))["limit-stacked"] is Level.UNSCANNABLE


def test_a_row_is_not() -> None:
    """Each is judged."""
    assert levels(BENIGN * 20) == {}
