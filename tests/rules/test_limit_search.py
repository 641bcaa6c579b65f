"""More places that look like the beginning of a pickle than a scan may walk from."""

from __future__ import annotations

from samples.judging import levels

from picklewatch.core.model import Level, Limits

_PLACES = b"\x00\x00" + b"\x8c\x02os\x94\x8c\x01x" * 400


def test_a_search_that_gives_up_says_so() -> None:
    """What was not walked is not clean."""
    assert levels(_PLACES, Limits(opcodes=10_000))["limit-search"] is Level.UNSCANNABLE


def test_a_search_that_ends_is_not_reported() -> None:
    """The same bytes, within the budget."""
    assert levels(_PLACES) == {}
