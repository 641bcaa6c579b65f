"""An import of a tool that scans model files."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import global_, pickle

from picklewatch.core.model import Level


def test_a_reach_for_a_scanner_is_malicious() -> None:
    """No model needs its lists."""
    found = levels(pickle(2, global_("picklescan.scanner", "_unsafe_globals")))
    assert found["scanner-tampering"] is Level.MALICIOUS


def test_a_project_with_a_scanner_in_its_name_is_not_reported() -> None:
    """Only the tools themselves count."""
    assert "scanner-tampering" not in levels(pickle(2, global_("lidarscanner.nets", "Net")))
