"""A wrong checksum in a zip archive."""

from __future__ import annotations

from samples.containers import Entry, zip_of, zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_wrong_checksum_is_unverified() -> None:
    """Damage, or a scanner was to give up."""
    assert levels(zip_of([Entry("weights.pkl", BENIGN, crc=1)])) == {"zip-wrong-crc": Level.UNVERIFIED}


def test_a_wrong_checksum_in_torchs_archives_is_only_reported() -> None:
    """Torch can be told not to compute checksums, and never compares them."""
    assert levels(zip_of([Entry("a/data.pkl", BENIGN, crc=0)])) == {"zip-wrong-crc": Level.INFO}


def test_a_right_checksum_is_not_reported() -> None:
    """An honest archive."""
    assert levels(zipped({"weights.pkl": BENIGN})) == {}
