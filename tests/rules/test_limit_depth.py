"""Contents nested too deep."""

from __future__ import annotations

from samples.containers import zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import DEFAULT_LIMITS, Level, Limits


def _nested(times: int) -> bytes:
    data = BENIGN
    for _ in range(times):
        data = zipped({"x": data})
    return data


def test_too_deep_is_unscannable() -> None:
    """What lies below was not looked at."""
    assert levels(_nested(5), Limits(depth=3))["limit-depth"] is Level.UNSCANNABLE


def test_archives_nested_within_the_limit_are_not_reported() -> None:
    """All of it was looked at."""
    assert levels(_nested(2), Limits(depth=3)) == {}


def test_a_tower_is_evasion() -> None:
    """No honest writer packs nine times; the limit of an operator who wants less is not meant."""
    found = levels(_nested(DEFAULT_LIMITS.depth + 1))
    assert found["scan-evasion"] is Level.UNSAFE
    assert "limit-depth" not in found
