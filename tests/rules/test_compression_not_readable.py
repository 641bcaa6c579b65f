"""Compression that can't be undone here."""

from __future__ import annotations

from samples.containers import Entry, zip_of, zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_an_unknown_method_is_unscannable() -> None:
    """Deflate64 is 9 in zip archives."""
    assert levels(zip_of([Entry("weights", b"\x01\x02", method=9)]))["compression-not-readable"] is Level.UNSCANNABLE


def test_deflate_is_read() -> None:
    """The usual method."""
    assert levels(zipped({"weights": BENIGN}, deflated=True)) == {}
