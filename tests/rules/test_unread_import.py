"""An import of something dangerous where the scan could not read on."""

from __future__ import annotations

from samples.containers import zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import levels

from picklewatch.core.model import DEFAULT_LIMITS, Level, Limits


def _tower(data: bytes) -> bytes:
    for _ in range(DEFAULT_LIMITS.depth + 1):
        data = zipped({"x": data})
    return data


def test_what_lies_beyond_a_limit_is_looked_through() -> None:
    """A tower of archives around an attack."""
    assert levels(_tower(EVIL))["unread-import"] is Level.MALICIOUS


def test_harmless_imports_beyond_a_limit_are_not_reported() -> None:
    """Only what is denied is told; the limit is a finding of its own."""
    assert "unread-import" not in levels(_tower(BENIGN))
    assert "unread-import" not in levels(BENIGN * 50, Limits(opcodes=20))
