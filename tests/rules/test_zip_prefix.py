"""Data before a zip archive."""

from __future__ import annotations

from samples.containers import zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_prefix_is_reported() -> None:
    """Self-extracting programs carry their archive behind them."""
    assert levels(b"\x93\x94" + bytes(500) + zipped({"a": BENIGN}))["zip-prefix"] is Level.INFO


def test_an_archive_at_the_start_is_not_reported() -> None:
    """As every writer begins."""
    assert levels(zipped({"a": BENIGN})) == {}
