"""Clocks that disagree."""

from __future__ import annotations

from picklewatch.watch.clocks import Clocks, Jump, Reading


def test_clocks_tell_sleep_from_a_stall_and_a_step() -> None:
    """Time that passes is nothing; sleep, and a time of day that is set, are told apart."""
    readings = iter(
        [
            Reading(100.0, 100.0, 1e9),
            Reading(101.0, 101.0, 1e9 + 1),
            Reading(102.0, 3702.0, 1e9 + 3602),
            Reading(103.0, 3703.0, 1e9 + 3),
            Reading(104.0, 3704.5, 5e9),
            Reading(105.0, 3705.5, 5e9 + 1),
        ]
    )
    clocks = Clocks(lambda: next(readings))
    assert clocks.look() == Jump()
    assert clocks.look() == Jump(slept=3600.0)
    assert clocks.look() == Jump(set_by=-3600.0)
    assert clocks.look() == Jump(set_by=5e9 - 1e9 - 4.5)
    assert clocks.look() == Jump()
