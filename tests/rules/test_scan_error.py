"""A fault of picklewatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.analysis import content
from picklewatch.core.model import Level, Limits

if TYPE_CHECKING:
    import pytest


def test_a_fault_is_unscannable_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows of one can use it to hide."""

    def faulty(_scan: object, _part: object) -> str:
        raise IndexError

    monkeypatch.setattr(content, "read_content", faulty)
    (finding,) = content.scan_content(BENIGN, Limits()).findings
    assert (finding.rule, finding.level) == ("scan-error", Level.UNSCANNABLE)
    assert finding.evidence.startswith("IndexError")


def test_a_scan_without_a_fault_reports_no_error() -> None:
    """The same content."""
    assert levels(BENIGN) == {}
