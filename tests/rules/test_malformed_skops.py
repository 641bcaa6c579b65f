"""A broken skops file."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_schema_that_is_no_json_is_unscannable() -> None:
    """Nothing can be said of its types."""
    assert levels(zipped({"schema.json": b"{nonsense"}))["malformed-skops"] is Level.UNSCANNABLE


def test_a_schema_is_not_reported() -> None:
    """It names types; the format is not judged in full."""
    assert levels(zipped({"schema.json": b'{"__class__": "dict"}'})) == {"format-not-judged": Level.UNVERIFIED}
