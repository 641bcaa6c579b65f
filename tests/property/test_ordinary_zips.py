"""The quick reader of zip directories takes nothing that the other one would find anything in, or read differently."""

from __future__ import annotations

import struct
import zlib
from random import Random
from typing import TYPE_CHECKING

from samples.torch_checkpoint import torch_zip

from picklewatch.analysis.formats.member_names import escapes
from picklewatch.analysis.formats.zip_layout import overlaps, uncovered
from picklewatch.analysis.formats.zipread import _places, _read_any, _read_ordinary

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = torch_zip(b"\x80\x02}q\0.", {"0": b"\0" * 8, "1": b"abcd"})


def _free(_units: int) -> None:
    """Charge nothing."""


def _accepted(content: bytes) -> int:
    """Compare both readers of every directory in *content*, and return how many the quick one accepts."""
    data, accepted = memoryview(content), 0
    for place in _places(data, len(data), _free):
        quick = _read_ordinary(data, *place, _free)
        if quick is None:
            continue
        accepted += 1
        assert quick == _read_any(data, *place, _free)
        assert not quick.oddities
        assert not [*overlaps(quick)]
        assert not [*uncovered(quick)]
        names = [member.name.lower() for member in quick.members]
        assert len(set(names)) == len(names)
        assert not any(map(escapes, names))
    return accepted


def test_what_torch_writes_is_read_quickly() -> None:
    """With descriptors or without, and whatever the records hold."""
    assert _accepted(_PLAIN) == 1
    assert _accepted(_archive([("a/data.pkl", b"x"), ("a/data/0", b"")], Random(0), odd=0.0)) == 1


def test_a_directory_with_any_byte_changed_is_read_as_ever() -> None:
    """Header, descriptor, directory, end record: the quick reader is as strict, or leaves it to the other."""
    for at in range(len(_PLAIN)):
        for mask in (0x01, 0x08, 0x80, 0xFF):
            changed = bytearray(_PLAIN)
            changed[at] ^= mask
            _accepted(bytes(changed))


def test_a_contradiction_between_headers_is_not_read_quickly() -> None:
    """Each byte of a local header that the directory has, too, and of the descriptor."""
    second = _PLAIN.index(b"PK\x03\x04", 4)
    descriptor = _PLAIN.index(b"PK\x07\x08")
    for at in (*range(second, second + 28), *range(descriptor, descriptor + 16)):
        changed = bytearray(_PLAIN)
        changed[at] ^= 0x40
        assert _accepted(bytes(changed)) == 0, at


_NAMES = [
    "a/data.pkl", "a/data/0", "A/DATA/0", "a/../../x", "../x", "/x", "a/..", "a\nb", "b", "a/./b", "", "a/", "x\\y",
    "C:/x", "a//b", "\u00e9", "a/.data/x", "a b", "a.", "a/data/1",
]  # fmt: skip


def _archive(members: list[tuple[str, bytes]], rng: Random, *, odd: float) -> bytes:
    """An archive in which each thing is, with the probability *odd*, not as torch writes it."""

    def maybe(usual: int, other: int) -> int:
        return other if rng.random() < odd else usual

    out, central = bytearray(), bytearray()
    for name, content in members:
        raw = name.encode()
        flags = rng.choice([0, 8, 0x800, 0x808]) ^ maybe(0, rng.choice([1, 0x20, 0x2000]))
        size, crc = len(content), zlib.crc32(content)
        method, extra = maybe(0, 8), b"FB" + struct.pack("<H", 3) + b"ZZZ" if rng.random() < 0.5 else b""
        start = len(out) + maybe(0, rng.choice([1, -1, 4]))
        declared = (0, 0, 0) if flags & 8 and not maybe(0, 1) else (crc, size, maybe(size, size + 1))
        other = _NAMES[rng.randrange(len(_NAMES))].encode() if maybe(0, 1) else raw
        out += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, flags, method, 0, 0, *declared, len(other), len(extra))
        out += other + extra + content
        if flags & 8 and not maybe(0, 1):
            out += struct.pack("<4s3I", b"PK\x07\x08", crc, size, maybe(size, 0))
        out += bytes(maybe(0, rng.choice([1, 30])))
        record = b"PK\x01\x02", 20, 20, flags, method, 0, 0, crc, maybe(size, 0xFFFFFFFF), size, len(raw), len(extra)
        comment = bytes(maybe(0, 3))
        central += (
            struct.pack("<4s6H3I5H2I", *record, len(comment), maybe(0, 1), 0, 0, max(start, 0)) + raw + extra + comment
        )
    count, base = len(members) + maybe(0, 1), len(out)
    tail = bytes(maybe(0, 2))
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(central), base + maybe(0, 1), len(tail))
    return bytes(maybe(0, 5)) + bytes(out + central) + end + tail


def _archives(seed: int, count: int) -> Iterator[bytes]:
    rng = Random(seed)
    for _ in range(count):
        names = rng.choices(_NAMES, k=rng.randrange(1, 5))
        yield _archive([(name, rng.randbytes(rng.randrange(6))) for name in names], rng, odd=rng.choice([0, 0.02, 0.1]))


def test_archives_of_odd_parts_are_read_as_ever() -> None:
    """Names that are given twice or lead out, gaps, overlaps, comments, other sizes: some of each is enough."""
    accepted = sum(map(_accepted, _archives(1, 3_000)))
    assert 100 < accepted < 2_000
