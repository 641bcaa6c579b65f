"""A FIFO, socket or device."""

from __future__ import annotations

import os
from pathlib import Path

from samples.hostile import BENIGN
from samples.refusals import problem


def test_a_fifo_is_never_opened(tmp_path: Path) -> None:
    """Opening it would wait for a writer."""
    os.mkfifo(tmp_path / "fifo")
    assert problem(tmp_path / "fifo") == "not-a-regular-file"
    assert problem(Path("/dev/null")) == "not-a-regular-file"


def test_a_file_is_opened(tmp_path: Path) -> None:
    """Whatever its name."""
    path = tmp_path / "fifo"
    path.write_bytes(BENIGN)
    assert problem(path) is None
