"""Flag bits that stop common readers."""

from __future__ import annotations

import pytest
from samples.containers import Entry, zip_of
from samples.hostile import BENIGN, EVIL
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize("flags", [0x1, 0x20, 0x40, 0x2000])
def test_odd_bits_are_unscannable(flags: int) -> None:
    """Zipfile refuses such members, others ignore the bits."""
    assert levels(zip_of([Entry("a/data.pkl", BENIGN, flags=flags)]))["zip-flag-bits"] is Level.UNSCANNABLE


def test_odd_bits_over_harm_are_malicious() -> None:
    """They serve to hide it."""
    assert levels(zip_of([Entry("a/data.pkl", EVIL, flags=0x20)]))["zip-flag-bits"] is Level.MALICIOUS


def test_the_bit_for_utf_8_names_is_not_reported() -> None:
    """Every writer sets it."""
    assert levels(zip_of([Entry("a/data.pkl", BENIGN, flags=0x800)])) == {}
