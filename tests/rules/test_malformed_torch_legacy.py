"""A broken legacy file of torch."""

from __future__ import annotations

from samples.containers import LEGACY_MAGIC
from samples.judging import levels

from picklewatch.core.model import Level


def test_fewer_than_five_pickles_are_unscannable() -> None:
    """Torch's magic number and what follows it."""
    assert levels(LEGACY_MAGIC + b"\x80\x02M\xe9\x03.")["malformed-torch-legacy"] is Level.UNSCANNABLE


def test_five_pickles_are_not_reported() -> None:
    """Version, system, object and an empty list of storages follow the magic number."""
    assert levels(LEGACY_MAGIC + b"\x80\x02M\xe9\x03." + b"\x80\x02}." * 2 + b"\x80\x02].") == {}
