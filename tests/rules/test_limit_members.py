"""Too many archive members."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level, Limits


def test_too_many_members_are_unscannable() -> None:
    """A directory can't keep the scanner busy for ever."""
    assert levels(zipped({f"{n}": b"" for n in range(50)}), Limits(members=20))["limit-members"] is Level.UNSCANNABLE


def test_fewer_members_than_the_limit_are_not_reported() -> None:
    """All of them were looked at."""
    assert levels(zipped({f"{n}": b"" for n in range(20)}), Limits(members=20)) == {}
