"""A file that unpacks to too much in all."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level, Limits


def test_a_bomb_is_unscannable() -> None:
    """However small its members are."""
    bomb = zipped({f"{n}": bytes(1 << 17) for n in range(20)}, deflated=True)
    assert levels(bomb, Limits(unpacked=1 << 20))["limit-unpacked"] is Level.UNSCANNABLE


def test_an_archive_that_unpacks_to_less_is_not_reported() -> None:
    """All of it was looked at."""
    small = zipped({f"{n}": bytes(1 << 17) for n in range(4)}, deflated=True)
    assert levels(small, Limits(unpacked=1 << 20)) == {}
