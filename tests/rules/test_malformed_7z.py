"""A broken 7z archive."""

from __future__ import annotations

from samples.containers import seven_zip
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_an_archive_cut_off_is_unscannable() -> None:
    """Its header stands at the end."""
    assert levels(seven_zip({"a": BENIGN})[:-5])["malformed-7z"] is Level.UNSCANNABLE


def test_a_whole_archive_is_not_reported() -> None:
    """The same, whole."""
    assert levels(seven_zip({"a": BENIGN})) == {}
