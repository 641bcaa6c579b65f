"""A scan that asks the kernel for what no scan needs."""

from __future__ import annotations

from samples.refusals import acted


def test_a_socket_is_deadly() -> None:
    """Code that took the scanning process over would try to reach out."""
    assert acted("socket") == ["scan-forbidden-call"]


def test_plain_work_is_not_reported() -> None:
    """It asks for nothing."""
    assert acted("nothing") == ["act-done"]
