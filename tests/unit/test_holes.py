"""Holes of sparse files: found where the file system knows them, never read, and zeros to whoever counts on them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from picklewatch.access.digest import sha256_within
from picklewatch.access.holes import LEAST, holes, is_hole
from picklewatch.analysis import sparse
from picklewatch.analysis.content import scan_content
from picklewatch.core.model import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = b"\x80\x04cposix\nsystem\n(V/bin/true\ntR."
MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of a hole of 4 MiB between two pieces of data."""
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.write(b"a" * MIB)
        stream.seek(5 * MIB)
        stream.write(b"z" * MIB)
    return path


def test_holes_are_found_and_the_offset_stays(file: Path) -> None:
    """Begin and end of each; others may share the descriptor's offset."""
    with file.open("rb", buffering=0) as stream:
        stream.seek(3)
        assert holes(stream.fileno(), 6 * MIB) == [(MIB, 5 * MIB)]
        assert is_hole(stream.fileno(), 2 * MIB, 3 * MIB)
        assert not is_hole(stream.fileno(), 0, MIB)
        assert os.lseek(stream.fileno(), 0, os.SEEK_CUR) == 3


def test_a_hole_at_the_end_and_a_file_of_one_hole(tmp_path: Path) -> None:
    """There are no data behind it, which the kernel reports as an error."""
    with (tmp_path / "x").open("wb") as stream:
        stream.truncate(1 << 40)
        assert holes(stream.fileno(), 1 << 40) == []  # not readable: nothing is known
    with (tmp_path / "x").open("rb") as stream:
        assert holes(stream.fileno(), 1 << 40) == [(0, 1 << 40)]


def test_small_holes_are_data(tmp_path: Path) -> None:
    """They are read faster than looked for."""
    with (tmp_path / "x").open("w+b") as stream:
        stream.truncate(LEAST - 1)
        assert holes(stream.fileno(), LEAST - 1) == []


def test_the_digest_of_a_hole_is_that_of_zeros(file: Path) -> None:
    """Whoever vouches for a content computes it by other means."""
    with file.open("rb") as stream:
        assert sha256_within(stream.fileno(), 60.0) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_content_that_cannot_be_hashed_in_time_is_not_begun(tmp_path: Path) -> None:
    """A minute of hashing would end without a digest."""
    ticks: list[None] = []
    with (tmp_path / "x").open("w+b") as stream:
        stream.truncate(1 << 40)
        assert sha256_within(stream.fileno(), 60.0, lambda: ticks.append(None)) is None
    assert not ticks


def test_solid_ranges_of_slices() -> None:
    """A reader works on a slice of the file; the holes are where they are in the file."""
    data = memoryview(bytes(1000))
    with sparse.known(data, [(100, 300), (500, 1000)]):
        assert list(sparse.solid(data)) == [(0, 116), (300, 516)]
        assert list(sparse.solid(data[50:400])) == [(0, 66), (250, 350)]
        assert list(sparse.solid(data, 120, 200)) == []
        assert list(sparse.solid(memoryview(bytes(1000)))) == [(0, 1000)]
        assert len(sparse.before_hole(data[300:])) == 216
    assert list(sparse.solid(data)) == [(0, 1000)]


@pytest.mark.parametrize("place", [0, 70_000, 200_000])
def test_what_lies_between_holes_is_found(place: int) -> None:
    """Only holes are passed over."""
    content = bytearray(300_000)
    content[place : place + len(HOSTILE)] = HOSTILE
    data = memoryview(bytes(content))
    whole = [(0, 70_000), (70_100, 200_000), (200_100, 300_000)]
    with sparse.known(data, [(begin + 100 * (begin == place), end) for begin, end in whole]):
        report = scan_content(data, DEFAULT_LIMITS)
    assert "code-execution" in {finding.rule for finding in report.findings}
