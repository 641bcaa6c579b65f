"""A scan that is stopped by the limit of processor time."""

from __future__ import annotations

from samples.refusals import acted

from picklewatch.core.model import Limits


def test_a_loop_is_ended() -> None:
    """The kernel kills it."""
    assert acted("loop", Limits(cpu_seconds=1)) == ["scan-cpu"]


def test_a_scan_that_ends_is_not_reported() -> None:
    """It uses next to nothing."""
    assert acted("nothing", Limits(cpu_seconds=1)) == ["act-done"]
