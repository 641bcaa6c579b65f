"""A zip archive with two tables of contents."""

from __future__ import annotations

import struct

from samples.containers import zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import levels
from samples.torch_checkpoint import checkpoint

from picklewatch.core.model import Level


def _with_two_end_records(first: bytes, second: bytes) -> bytes:
    """An archive of two pickles with two end records, each of which leads to one of them; the last is the second's."""
    data = zipped({"a/data.pkl": first, "b/data.pkl": second})
    entry = data.index(b"PK\1\2")
    other, end = data.index(b"PK\1\2", entry + 1), len(data) - 22

    def record(start: int, stop: int, comment: int) -> bytes:
        return data[end : end + 8] + struct.pack("<2H2IH", 1, 1, stop - start, start, comment)

    return data[:end] + record(entry, other, 22) + record(other, end, 0)


def test_records_that_lead_to_different_members_are_unscannable() -> None:
    """Both readings are judged; nobody knows which one a loader takes."""
    assert levels(_with_two_end_records(BENIGN, BENIGN))["zip-two-end-records"] is Level.UNSCANNABLE


def test_where_one_reading_does_harm_it_is_malicious() -> None:
    """The payload is the member that the last record leaves out."""
    assert levels(_with_two_end_records(EVIL, BENIGN))["zip-two-end-records"] is Level.MALICIOUS


def test_the_two_records_of_zip64_are_no_such_thing() -> None:
    """Torch writes both always, and they agree."""
    assert levels(checkpoint({"w": [1.0]})) == {}
