"""A pickle that can't be read to its end."""

from __future__ import annotations

from samples.hostile import BENIGN
from samples.judging import levels
from samples.opcodes import call, pickle, text

from picklewatch.core.model import Level


def test_a_pickle_cut_off_is_unscannable() -> None:
    """What comes before it would run all the same, and is judged."""
    found = levels(pickle(2, call("os", "system", text("true")), b"X\xff\xff\0\0"))
    assert found["malformed-pickle"] is Level.UNSCANNABLE
    assert found["code-execution"] is Level.MALICIOUS


def test_a_whole_pickle_is_not_reported() -> None:
    """It ends with STOP."""
    assert levels(BENIGN) == {}
