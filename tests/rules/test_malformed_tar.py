"""A broken tar archive."""

from __future__ import annotations

from samples.containers import tarred
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_an_archive_cut_off_within_a_member_is_unscannable() -> None:
    """The member is shorter than its header says."""
    assert levels(tarred({"a": BENIGN * 100})[:700])["malformed-tar"] is Level.UNSCANNABLE


def test_a_whole_archive_is_not_reported() -> None:
    """With its two empty blocks."""
    assert levels(tarred({"a": BENIGN * 100})) == {}
