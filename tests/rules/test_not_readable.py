"""A file that may not be read."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from samples.hostile import BENIGN
from samples.refusals import problem

from picklewatch.access.open_file import subject_error

if TYPE_CHECKING:
    from pathlib import Path


def test_a_refusal_of_the_kernel_is_reported() -> None:
    """Permissions, or a disk that fails."""
    for code in (errno.EACCES, errno.EIO):
        assert subject_error(OSError(code, os.strerror(code)), "model.pkl").kind.value == "not-readable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_reported(tmp_path: Path) -> None:
    """It was not scanned, but another user may be able to load it."""
    path = tmp_path / "model.pkl"
    path.write_bytes(BENIGN)
    path.chmod(0)
    assert problem(path) == "not-readable"


def test_a_readable_file_is_not_reported(tmp_path: Path) -> None:
    """Its owner may read it."""
    path = tmp_path / "model.pkl"
    path.write_bytes(BENIGN)
    path.chmod(0o400)
    assert problem(path) is None
