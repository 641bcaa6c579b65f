"""A broken zip archive."""

from __future__ import annotations

from samples.containers import zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import levels

from picklewatch.core.model import Level


def test_an_archive_cut_off_is_unscannable() -> None:
    """Without its directory; what is there is judged."""
    data = zipped({"a/data.pkl": EVIL})
    found = levels(data[: data.index(b"PK\1\2")])
    assert found["malformed-zip"] is Level.UNSCANNABLE
    assert "code-execution" in found


def test_a_whole_archive_is_not_reported() -> None:
    """Down to its end record."""
    assert levels(zipped({"a/data.pkl": BENIGN})) == {}
