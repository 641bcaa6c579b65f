"""A scan whose answer can't be believed."""

from __future__ import annotations

import pytest
from samples.refusals import acted


@pytest.mark.parametrize("act", ["garbage", "two-reports", "bad-level"])
def test_an_answer_that_a_sound_scan_never_gives_is_refused(act: str) -> None:
    """The file may have taken the scanning process over."""
    assert acted(act) == ["scan-garbage"]


def test_a_report_is_believed() -> None:
    """In the form that was agreed on."""
    assert acted("nothing") == ["act-done"]
