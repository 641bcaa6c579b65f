"""A wrong count of zip members."""

from __future__ import annotations

import struct

from samples.containers import zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_smaller_count_is_unscannable() -> None:
    """Readers that trust it miss members."""
    data = zipped({"a": BENIGN, "b": BENIGN})
    found = levels(data[:-14] + struct.pack("<2H", 1, 1) + data[-10:])
    assert found["zip-entry-count"] is Level.UNSCANNABLE


def test_a_true_count_is_not_reported() -> None:
    """An honest archive."""
    assert levels(zipped({"a": BENIGN, "b": BENIGN})) == {}
