"""Costs of containers are counted, and no part of one hides another."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zlib

import numpy as np
import pytest
from samples.containers import Entry, library_zip, npy, tarred, zip_of, zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import HARMFUL, judged, levels, verdict

from picklewatch.analysis.formats import unpacking
from picklewatch.analysis.formats.codecs import Stream
from picklewatch.analysis.formats.lz4_frames import Lz4Decompressor
from picklewatch.analysis.pickle import report
from picklewatch.core.model import Level, Limits, Verdict

_NO_OPS = b"\x80\x02" + b"N0" * 30_000 + b"N."


@pytest.fixture(autouse=True)
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bombs of a tenth of a second."""
    monkeypatch.setattr(report, "WORK", 250_000)
    monkeypatch.setattr(unpacking, "HELD", 4 << 20)
    monkeypatch.setattr(unpacking, "RATIO", 1)


def _shared(entries: int) -> bytes:
    """A zip of which *entries* entries lead to one member."""
    whole = zip_of([Entry("a", _NO_OPS, deflated=True)])
    count, _, size, start, _ = struct.unpack_from("<HHIIH", whole, len(whole) - 14)
    entry = whole[start : start + size]
    many = b"".join(entry[:-1] + bytes([65 + number]) for number in range(entries))
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count * entries, count * entries, len(many), start, 0)
    return whole[:start] + many + end


_BOMBS = {
    "end records": zip_of([Entry(f"{n}", b"x") for n in range(300)]) + (b"PK\5\6" + bytes(18)) * 6000,
    "7z files": b"7z\xbc\xaf\x27\x1c\0\4"
    + bytes(4)
    + struct.pack("<QQI", 0, 40_006, 0)
    + b"\1\5"
    + b"\xc0\x00\x9c"
    + b"\x11"
    + bytes(40_000),
    "streams": gzip.compress(b"\x80\x02") + gzip.compress(b"") * 3000 + gzip.compress(b"N."),
    "pickles in a row": b"\x80\x02Nq\0." * 3000,
    "pickles in an image": b"BM" + b"\x80\x02]0" * 800,
    "import lines": b"\0" + b"cccccccccccccccccccccccos\n" * 2_000,
    "numbers": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "1," * 90_000 + ")}", b"", 2),
    "empty streams of lzma": (b"\0" + struct.pack("<I", 4096) + bytes(13)) * 3000,
    "zeros twice": bz2.compress(bz2.compress(bytes(60 << 20))),
}


@pytest.mark.parametrize("kind", _BOMBS)
def test_work_out_of_proportion_is_evasion(kind: str) -> None:
    """Whatever the work is done on."""
    assert levels(_BOMBS[kind])["scan-evasion"] is Level.UNSAFE


def test_what_entries_share_is_judged_once() -> None:
    """Twenty entries for one member cost what one costs."""
    once, often = judged(_shared(1))[0], judged(_shared(20))[0]
    assert (once.pickles, once.opcodes) == (often.pickles, often.opcodes)


def test_zeros_without_end_are_an_honest_array() -> None:
    """A window goes over the numbers; what follows the array is judged."""
    file = io.BytesIO()
    np.savez_compressed(file, a=np.ones(1 << 20), b=np.zeros(1 << 20))
    assert verdict(file.getvalue()) is Verdict.SKIPPED
    packed = io.BytesIO()
    np.save(packed, np.ones(1 << 20))
    assert verdict(gzip.compress(packed.getvalue())) is Verdict.SKIPPED
    assert verdict(gzip.compress(packed.getvalue() + EVIL)) is Verdict.MALICIOUS
    assert levels(gzip.compress(packed.getvalue()[:-1]))["malformed-npy"] is Level.UNSCANNABLE


def test_a_broken_folder_hides_no_other() -> None:
    """Each folder of a 7z archive is unpacked by itself."""
    packed = b"\xff" * 40 + EVIL
    one = bytes([40]), bytes([len(EVIL)])
    streams = b"\x06\0\2\x09" + b"".join(one) + b"\0\x07\x0b\2\0" + b"\1\x21\x21\1\x18" + b"\1\1\0"
    header = b"\1\4" + streams + b"\x0c" + b"".join(one) + b"\0\0\5\2\0\0"
    start = struct.pack("<2QI", len(packed), len(header), zlib.crc32(header))
    data = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + packed + header
    found = levels(data)
    assert found["malformed-7z"] is Level.UNSCANNABLE
    assert found["code-execution"] is Level.MALICIOUS


def test_many_members_hide_none_that_a_loader_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is met after what torch reads first was judged."""
    monkeypatch.setattr(report, "WORK", 5_000_000)
    members = {f"{number}": b"x" for number in range(30)} | {"archive/data.pkl": EVIL}
    assert verdict(zipped(members), Limits(members=10)) is Verdict.MALICIOUS
    assert verdict(tarred({"x": EVIL} | {f"{n}": b"x" for n in range(30)}), Limits(members=10)) is Verdict.MALICIOUS


def test_a_search_has_no_window() -> None:
    """What lies in the middle of data of no known kind is found."""
    assert verdict(bytes(20 << 20) + EVIL + bytes(20 << 20)) is Verdict.MALICIOUS
    assert verdict(b"\0" + b"\x8c\x02os\x94\x8c\x01x" * 3000 + b"\0" + EVIL) in HARMFUL


def test_a_compressed_member_behind_a_bomb_is_judged() -> None:
    """By every method that a zip may use."""
    for method in (8, 12, 14):
        data = library_zip({"a": bytes(9 << 20) + b"ab" * (5 << 20), "data.pkl": EVIL}, method)
        assert verdict(data) is Verdict.MALICIOUS


def test_a_dictionary_larger_than_memory_is_no_damage() -> None:
    """Honest writers have a dictionary for what there is."""
    stream = bytearray(lzma.compress(EVIL, format=lzma.FORMAT_ALONE))
    for size in (b"\0\0\0\x10", b"\xff\xff\xff\xff"):
        stream[1:5] = size
        assert verdict(bytes(stream)) is Verdict.MALICIOUS
    assert verdict(b"\xd0" + b"\xff" * 7 + b"\5" + bytes(7) + bytes(range(256))) is Verdict.SKIPPED


def test_lz4_ends_where_a_piece_ends() -> None:
    """Our own decompressor asks for more only where it needs it."""
    block = bytes(1 << 20)
    frame = b"\x04\x22\x4d\x18\x60\x60\0" + struct.pack("<I", len(block) | 1 << 31) + block + bytes(4)
    assert b"".join(Stream(Lz4Decompressor, memoryview(frame)).chunks()) == block


def test_honest_archives_stay_within_the_work() -> None:
    """A thousand small members, a text that opens like zlib."""
    assert levels(zipped({f"{number}": BENIGN for number in range(300)})) == {}
    assert levels(b"x^ is what a formula begins with, and prose goes on.") == {}
