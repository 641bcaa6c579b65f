"""A path that nothing has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.hostile import BENIGN
from samples.refusals import problem

if TYPE_CHECKING:
    from pathlib import Path


def test_a_name_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    """What can't be found was not scanned."""
    assert problem(tmp_path / "gone") == "path-missing"


def test_a_file_is_there(tmp_path: Path) -> None:
    """And can be judged."""
    path = tmp_path / "model.pkl"
    path.write_bytes(BENIGN)
    assert problem(path) is None
