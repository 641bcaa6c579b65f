"""What holds for every test."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def _no_state_of_the_machine() -> Iterator[None]:
    """A daemon of this machine may have a state, which commands would read."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", f"{directory}/none")
        yield
