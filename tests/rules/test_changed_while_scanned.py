"""A file that changes while it is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.hostile import BENIGN

from picklewatch.access.open_file import open_subject
from picklewatch.core.model import EngineVersion, Judgement, Policy, ScanReport
from picklewatch.scanning.scan_file import scan_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class _Meanwhile:
    """A scan during which something happens."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    def scan(self, fd: int) -> ScanReport:
        """Find nothing."""
        self._happens()
        return ScanReport(format="pickle", complete=True, code_bearing=True)


def _judged(path: Path, happens: Callable[[], object]) -> Judgement:
    engine = EngineVersion(picklewatch="0", fickling="0", rules="0")
    with open_subject(path) as subject:
        return scan_file(subject, _Meanwhile(happens), Policy(), engine).judgement


def test_a_file_that_is_written_to_is_unscannable(tmp_path: Path) -> None:
    """The verdict would be about neither state."""
    path = tmp_path / "model.pkl"
    path.write_bytes(BENIGN)

    def append() -> None:
        with path.open("ab") as file:
            file.write(b"x")

    assert _judged(path, append).reasons == ("changed-while-scanned",)


def test_a_file_that_rests_is_judged(tmp_path: Path) -> None:
    """Reading it changes nothing."""
    path = tmp_path / "model.pkl"
    path.write_bytes(BENIGN)
    assert _judged(path, path.read_bytes).reasons == ()
