"""Something behind the zip directory."""

from __future__ import annotations

from samples.containers import zipped
from samples.hostile import BENIGN
from samples.judging import levels
from samples.torch_checkpoint import checkpoint

from picklewatch.core.model import Level


def test_bytes_between_directory_and_end_record_are_unscannable() -> None:
    """Readers find the directory by different rules."""
    data = zipped({"a": BENIGN})
    assert levels(data[:-22] + bytes(16) + data[-22:])["zip-directory-gap"] is Level.UNSCANNABLE


def test_zip64_records_in_the_gap_are_not_reported() -> None:
    """They belong to the format."""
    assert levels(checkpoint({"w": [1.0]})) == {}
