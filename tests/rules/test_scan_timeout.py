"""A scan that is stopped by the clock."""

from __future__ import annotations

from samples.refusals import acted

from picklewatch.core.model import Limits


def test_a_scan_that_waits_is_ended() -> None:
    """Sleeping uses no processor time."""
    assert acted("sleep", Limits(seconds=1)) == ["scan-timeout"]


def test_a_scan_within_its_time_is_not_reported() -> None:
    """It ends by itself."""
    assert acted("nothing", Limits(seconds=30)) == ["act-done"]
