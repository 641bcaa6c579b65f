"""Zip members inside each other."""

from __future__ import annotations

import struct

from samples.containers import zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def _inside_out() -> bytes:
    """An archive whose directory lists a member, and another one within that member's bytes."""
    data = zipped({"outer": b"--" + zipped({"inner": b"x" * 64})})
    start, directory = data.index(b"PK\3\4", 4), data.rindex(b"PK\1\2")
    fields = list(struct.unpack_from("<4s6H3I5H2I", data, directory))
    fields[8] = fields[9] = 64
    fields[16] = start
    entry = struct.pack("<4s6H3I5H2I", *fields) + b"inner"
    size = len(data) - 22 - directory + len(entry)
    return data[:-22] + entry + data[-22:-14] + struct.pack("<2H2IH", 2, 2, size, directory, 0)


def test_a_member_within_another_is_unscannable() -> None:
    """A bomb, or two contents for two readers."""
    assert levels(_inside_out())["zip-overlap"] is Level.UNSCANNABLE


def test_an_archive_as_a_member_is_not_reported() -> None:
    """It has a directory of its own."""
    assert levels(zipped({"outer": zipped({"inner": BENIGN})})) == {}
