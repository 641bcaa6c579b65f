"""A scan that needs more memory than it may have."""

from __future__ import annotations

from samples.refusals import acted

from picklewatch.core.model import Limits


def test_a_scan_that_grows_is_ended() -> None:
    """Its memory is bounded; a file of a few bytes that needs so much is evasion, one of many may need it."""
    assert acted("grow", Limits(memory=128 << 20)) == ["scan-evasion"]
    assert acted("grow", Limits(memory=96 << 20)) == ["scan-memory"]


def test_a_scan_within_its_memory_is_not_reported() -> None:
    """The sandbox itself fits."""
    assert acted("nothing", Limits(memory=128 << 20)) == ["act-done"]
