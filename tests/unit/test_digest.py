"""The digest of a content, computed outside of the child that parses it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from picklewatch.access import digest
from picklewatch.access.digest import is_wanted, sha256_within
from picklewatch.core.model import Finding, Level, ScanReport

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def report(level: Level | None = None, *, complete: bool = True) -> ScanReport:
    """Make a report with one finding of *level*."""
    findings = () if level is None else (Finding(rule="a", level=level, where="", summary="s"),)
    return ScanReport(format="pickle", complete=complete, code_bearing=True, findings=findings)


def test_the_digest_is_the_content_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all its blocks, wherever the descriptor stands, which stays there."""
    monkeypatch.setattr(digest, "BLOCK", 7)
    for size in (0, 1, 7, 50):
        (tmp_path / "x").write_bytes(bytes(range(size)))
        with (tmp_path / "x").open("rb", buffering=0) as file:
            file.seek(3)
            assert sha256_within(file.fileno(), 60.0) == hashlib.sha256(bytes(range(size))).hexdigest()
            assert os.lseek(file.fileno(), 0, os.SEEK_CUR) == 3


def test_a_file_that_takes_too_long_gets_no_digest(tmp_path: Path) -> None:
    """A sparse file may say that it has a terabyte."""
    with (tmp_path / "x").open("w+b") as file:
        file.truncate(1 << 40)
        assert sha256_within(file.fileno(), 0.0) is None


def test_a_digest_is_wanted_where_somebody_may_have_to_vouch() -> None:
    """Of what is small, and of what is not proven harmless."""
    large = digest.DIGEST_ALWAYS + 1
    assert is_wanted(report(), large - 1)
    assert not is_wanted(report(), large)
    assert not is_wanted(report(Level.INFO), large)
    assert is_wanted(report(Level.UNVERIFIED), large)
    assert is_wanted(report(complete=False), large)
