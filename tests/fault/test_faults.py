"""Every fault of the table, as a test: ``python -m pytest tests/fault`` (not part of the default run)."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from fault.faults import FAULTS
from fault.running import assert_survived
from fault.soak import Soak

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault


@pytest.mark.timeout(3600)  # fifty thousand files take their time
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_nothing_is_lost_doubled_or_without_a_verdict(fault: Fault, tmp_path: Path) -> None:
    """And the daemon says within a minute that it is healthy again."""
    assert_survived(fault, tmp_path)


def test_a_short_soak_keeps_the_books(tmp_path: Path) -> None:
    """A few seconds of everything at random."""
    soak = Soak(tmp_path, random.Random(1))
    assert soak.run(8.0).is_good
