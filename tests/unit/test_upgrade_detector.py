"""The program notices its own upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.service.upgrade_detector import UpgradeDetector

if TYPE_CHECKING:
    from pathlib import Path


def test_a_program_that_is_replaced_is_noticed_once_the_other_is_there_to_stay(tmp_path: Path) -> None:
    """Not while its files come and go: the second of two looks that agree."""
    package = tmp_path / "__init__.py"
    package.write_text("")
    program = UpgradeDetector(package)
    assert [program.is_replaced(), program.is_replaced()] == [False, False]
    package.rename(tmp_path / "old")
    assert [program.is_replaced(), program.is_replaced()] == [False, False]
    package.write_text("")
    assert [program.is_replaced(), program.is_replaced()] == [False, True]
