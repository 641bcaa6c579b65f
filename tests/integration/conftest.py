"""Laboratories for the tests of the quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.vaulting import Lab, lab, needs_two

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["one file system", pytest.param("two file systems", marks=needs_two)])
def made(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Give a laboratory; with vault and files on one file system, then on two."""
    with lab(cross=request.param == "two file systems") as result:
        yield result


@pytest.fixture
def small() -> Iterator[Lab]:
    """Give a laboratory on one file system."""
    with lab() as result:
        yield result
