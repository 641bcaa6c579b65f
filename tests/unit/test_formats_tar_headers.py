"""Our reader of tar headers against `tarfile`, and in linear time."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import tarfile

import pytest
from samples.hostile import EVIL
from samples.judging import HARMFUL, judged, levels, verdict

from picklewatch.analysis.formats.part import MalformedError
from picklewatch.analysis.formats.tar_headers import Headers, TarMember, content
from picklewatch.analysis.pickle import LimitReached, report
from picklewatch.core.model import Level, Verdict

_KINDS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


class _Bytes:
    """Bytes as the source of an archive."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def piece(self, offset: int, size: int) -> bytes:
        """Return what there is of *size* bytes at *offset*."""
        return self._data[max(offset, 0) : max(offset + size, 0)]


def _tar(members: dict[str, bytes], layout: int = tarfile.USTAR_FORMAT, pax: dict[str, str] | None = None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=layout, pax_headers=pax) as archive:
        for name, held in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(held)
            archive.addfile(member, io.BytesIO(held))
    return file.getvalue()


def _header(kind: bytes, body: bytes) -> bytes:
    """A header that goes before another."""
    member = tarfile.TarInfo("before")
    member.type, member.size = kind, len(body)
    return member.tobuf(tarfile.USTAR_FORMAT) + body + bytes(-len(body) % 512)


def _record(keyword: str, value: str) -> bytes:
    size = len(keyword) + len(value) + 3
    size += len(str(size + len(str(size))))
    return f"{size} {keyword}={value}\n".encode()


def _sparse() -> bytes:
    """GNU's three formats of sparse files, each with eight stored bytes."""
    data = b"AAAABBBB".ljust(512, b"\0")
    first = _header(b"x", _record("GNU.sparse.size", "20") + _record("GNU.sparse.numblocks", "2")
                    + _record("GNU.sparse.offset", "0") + _record("GNU.sparse.numbytes", "4")
                    + _record("GNU.sparse.offset", "9") + _record("GNU.sparse.numbytes", "4"))  # fmt: skip
    second = _header(b"x", _record("GNU.sparse.map", "1,4,9,4") + _record("GNU.sparse.size", "20"))
    third = _header(
        b"x",
        _record("GNU.sparse.major", "1") + _record("GNU.sparse.minor", "0") + _record("GNU.sparse.realsize", "30")
        + _record("GNU.sparse.name", "other"),
    )  # fmt: skip
    member = tarfile.TarInfo("s")
    member.size = 8
    plain = member.tobuf(tarfile.USTAR_FORMAT) + data
    member.size = 520
    mapped = member.tobuf(tarfile.USTAR_FORMAT) + b"2\n2\n4\n8\n4\n".ljust(512, b"\0") + data
    return first + plain + second + plain + third + mapped + bytes(1024)


def _old_sparse() -> bytes:
    member = tarfile.TarInfo("old")
    member.type, member.size = tarfile.GNUTYPE_SPARSE, 8
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[386:434] = b"%011o\0" * 4 % (0, 4, 8, 4)
    block[483:495] = b"%011o\0" % 20
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + b"AAAABBBB".ljust(512, b"\0") + bytes(1024)


def _theirs(data: bytes) -> list[tuple[str, bytes]]:
    found = []
    with contextlib.suppress(Exception), tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            if (member.isreg() or member.type not in tarfile.SUPPORTED_TYPES) and 0 <= member.size < 1 << 20:
                with contextlib.suppress(Exception):
                    file = archive.extractfile(member)
                    assert file is not None
                    found.append((member.name, file.read()))
    return found


def _ours(data: bytes) -> list[tuple[str, bytes]]:
    source = _Bytes(data)
    entries: list[TarMember] = []
    with contextlib.suppress(MalformedError):
        entries.extend(Headers(source, lambda _: None).entries())
    held = [entry for entry in entries if entry.regular and 0 <= entry.size < 1 << 20]
    return [(entry.name, b"".join(content(source, entry, lambda _: None))) for entry in held]


_SEEDS = (
    *(_tar({"a" * 30: b"hello", "d" * 60 + "/" + "b" * 70: b"x" * 700, "c": b""}, layout) for layout in _KINDS),
    _tar({"ünï": b"1", "z": b"22"}, tarfile.PAX_FORMAT, {"comment": "c", "path": "all"}),
    _header(b"g", _record("size", "3") + _record("linkpath", "l")) + _tar({"a": b"hello", "b": b"you"}),
    _header(b"x", _record("size", "3")) + _header(b"L", b"long\0") + _tar({"a": b"hello", "b": b"you"}),
    _header(b"L", b"1\0") + _header(b"x", _record("path", "2/")) + _header(b"K", b"3\0") + _tar({"a": b"hello"}),
    _sparse(),
    _old_sparse(),
)


@pytest.mark.parametrize("number", range(len(_SEEDS)))
def test_reads_what_tarfile_reads(number: int) -> None:
    """Every layout, sparse files and headers before headers."""
    assert _ours(_SEEDS[number]) == _theirs(_SEEDS[number]) != []


@pytest.mark.parametrize("number", range(len(_SEEDS)))
def test_misses_nothing_of_mutated_archives(number: int) -> None:
    """Whatever `tarfile` still gives of an archive of which some bytes were changed."""
    chance = random.Random(number)
    for _ in range(400):
        data = bytearray(_SEEDS[number])
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(min(len(data), 4096))
            data[at] = (
                chance.choice(b"\0\xff\x800123456789 =\nxgLKS") if chance.random() < 0.8 else chance.randrange(256)
            )
            block = at // 512 * 512
            if chance.random() < 0.9:
                header = data[block : block + 148] + b" " * 8 + data[block + 156 : block + 512]
                data[block + 148 : block + 156] = b"%06o\0 " % sum(header)
        theirs, ours = _theirs(bytes(data)), _ours(bytes(data))
        assert [each for each in theirs if each[1] and each not in ours] == [], bytes(data[:1024])


@pytest.mark.parametrize(
    "before",
    [
        _header(b"x", b"1" * 100_000),
        _header(b"x", b"0" * 4000 + b"1 a=" + b"0" * 100_000),
        _header(b"x", (b"1 " + b"x" * 3) * 20_000 + b"="),
        _header(b"x", b"6 a=b\n") * 2000,
        _header(b"L", b"name\0") * 2000,
    ],
)
def test_headers_cost_what_they_are_long(before: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Digits without end (CVE-2024-6232), records that overlap, thousands of headers for one member."""
    monkeypatch.setattr(report, "WORK", 400_000)
    assert verdict(before + _tar({"a": EVIL})) in HARMFUL


def test_negative_sizes_end() -> None:
    """A header that leads back to itself makes `tarfile` read for ever (CVE-2025-8194)."""
    block = bytearray(_tar({"a": b""})[:512])
    block[124:136] = b"\xff" + b"\xff" * 9 + struct.pack(">h", -512)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert levels(bytes(block) + _tar({"b": EVIL}))["malformed-tar"] is Level.UNSCANNABLE


def test_members_before_a_bad_header_are_judged() -> None:
    """A streaming reader has extracted them by then."""
    data = _tar({"a": EVIL})[:1024] + _header(b"x", b"0 a=b\n") + bytes(1024)
    report_, found = judged(data)
    assert found is Verdict.MALICIOUS
    assert {finding.rule for finding in report_.findings} >= {"malformed-tar", "code-execution"}


def test_a_chain_is_charged() -> None:
    """Every header block costs work."""
    left = [1000]

    def charge(units: int) -> None:
        left[0] -= units
        if left[0] < 0:
            raise LimitReached("", "")

    with pytest.raises(LimitReached):
        list(Headers(_Bytes(_header(b"x", b"6 a=b\n") * 100), charge).entries())
