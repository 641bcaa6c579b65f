"""One member that unpacks to too much."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level, Limits


def test_a_large_member_is_unscannable() -> None:
    """It can't be held in memory."""
    found = levels(zipped({"a": bytes(1 << 20)}, deflated=True), Limits(member=1 << 18))
    assert found["limit-member"] is Level.UNSCANNABLE


def test_a_member_below_the_limit_is_not_reported() -> None:
    """Up to the limit it is held and judged."""
    assert levels(zipped({"a": bytes(1 << 17)}, deflated=True), Limits(member=1 << 18)) == {}
