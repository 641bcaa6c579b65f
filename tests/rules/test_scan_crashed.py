"""A scan whose process dies."""

from __future__ import annotations

import pytest
from samples.refusals import acted


@pytest.mark.parametrize("act", ["segv", "abort", "exit"])
def test_a_crash_is_reported(act: str) -> None:
    """It is never clean."""
    assert acted(act) == ["scan-crashed"]


def test_a_scan_that_lives_is_not_reported() -> None:
    """It says what it has to say."""
    assert acted("nothing") == ["act-done"]
