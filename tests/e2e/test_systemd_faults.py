"""Some faults of the table in a real systemd (``tests/fault`` has all): afterwards every file has exactly one truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fault.faults import service
from fault.running import assert_survived

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault

pytestmark = pytest.mark.systemd

QUICK = (
    service.journal_gone,
    service.daemon_hangs,
    service.ended_politely,
    service.reloaded_with_a_mistake,
)


@pytest.mark.parametrize("fault", QUICK, ids=lambda fault: fault.__name__)
def test_nothing_is_lost_doubled_or_without_a_verdict(fault: Fault, tmp_path: Path) -> None:
    """And the unit says within a minute that it is healthy again."""
    assert_survived(fault, tmp_path)
