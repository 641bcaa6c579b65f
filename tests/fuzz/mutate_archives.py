"""Changes to archives, arrays and streams by someone who knows their headers, and mends their checksums."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

from fuzz import mutate_bytes, mutate_pickle
from samples import hostile
from samples.containers import Entry, lz4, seven_zip, tarred, zip_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_INTERESTING = (0, 1, 2, 4, 8, 0x20, 0x41, 0x800, 0x809, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_LARGEST = 1 << 18
"""Bytes of one member that are looked at."""

_ZIP_FIELDS = {
    b"PK\x03\x04": ((4, 2), (6, 2), (8, 2), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2)),
    b"PK\x01\x02": ((4, 2), (8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (38, 4), (42, 4)),
    b"PK\x05\x06": ((4, 2), (8, 2), (10, 2), (12, 4), (16, 4), (20, 2)),
    b"PK\x06\x06": ((4, 8), (24, 8), (32, 8), (40, 8), (48, 8)),
    b"PK\x06\x07": ((4, 4), (8, 8), (16, 4)),
}
"""Record → offset and width of each field that readers go by (APPNOTE 4.3)."""


def _records(data: bytes) -> list[tuple[bytes, int]]:
    found: list[tuple[bytes, int]] = []
    for magic in _ZIP_FIELDS:
        at = data.find(magic)
        while at >= 0 and len(found) < 64:
            found.append((magic, at))
            at = data.find(magic, at + 1)
    return found


def _number(rng: Random, data: bytes, places: list[tuple[bytes, int]], before: int) -> int:
    return rng.choice(
        (
            rng.choice(_INTERESTING),
            len(data),
            rng.choice(places)[1],
            before + rng.choice((1, -1, 2, -2, 16, -16)),
            before ^ (1 << rng.randrange(16)),
        )
    )


def zip_field(data: bytes, rng: Random) -> bytes:
    """One field of one record says something else."""
    places = _records(data)
    if not places:
        return mutate_bytes.mutate(data, rng)
    magic, at = rng.choice(places)
    offset, width = rng.choice(_ZIP_FIELDS[magic])
    begin = at + offset
    before = int.from_bytes(data[begin : begin + width], "little")
    value = _number(rng, data, places, before) % (1 << 8 * width)
    return data[:begin] + value.to_bytes(width, "little") + data[begin + width :]


def zip_record(data: bytes, rng: Random) -> bytes:
    """One record is copied, taken out, or put before or behind something else."""
    places = _records(data)
    if not places:
        return mutate_bytes.mutate(data, rng)
    at = rng.choice(places)[1]
    end = min((place for _, place in places if place > at), default=len(data))
    other = rng.choice([*(place for _, place in places), 0, len(data)])
    piece = data[at:end]
    match rng.randrange(4):
        case 0:
            return data[:other] + piece + data[other:]
        case 1:
            return data[:at] + data[end:]
        case 2:
            return data[:at] + rng.choice((hostile.EVIL, b"\0" * 30, b"PK\x03\x04", rng.randbytes(9))) + data[at:]
        case _:
            return _with_zip64(data, rng)


def _with_zip64(data: bytes, rng: Random) -> bytes:
    """A zip64 end record and locator before the end record, which tell the same or something else."""
    at = data.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(data):
        return data
    count, size, start = struct.unpack_from("<2xH2I", data, at + 8)
    if rng.random() < 0.5:
        start = rng.choice(_records(data))[1]
    wide = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, rng.choice((at, 0, at + 1)), 1)
    end = data[at:]
    if rng.random() < 0.5:
        end = end[:16] + b"\xff\xff\xff\xff" + end[20:]
    return data[:at] + wide + locator + end


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with contextlib.suppress(Exception), zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist() if info.file_size < _LARGEST]
    return []


def content(data: bytes, name: str, rng: Random) -> bytes:
    """A member's content with a change that fits its kind."""
    if data[:1] in {b"{", b"["} and rng.random() < 0.7:
        return json_text(data, rng)
    if name.lower().endswith(".pkl") or data[:1] in {b"\x80", b"(", b"c"}:
        return mutate_pickle.mutate(data, rng)
    if data.startswith(b"\x93NUMPY"):
        return npy(data, rng)
    return mutate_bytes.mutate(data, rng)


def zip_member(data: bytes, rng: Random) -> bytes:
    """One member has another content, name or header, and the archive is written anew."""
    members = _members(data)
    if not members:
        return zip_field(data, rng)
    index = rng.randrange(len(members))
    name, held = members[index]
    entries = [Entry(name, held, deflated=rng.random() < 0.3) for name, held in members]
    lies: tuple[dict[str, Any], ...] = (
        {"content": content(held, name, rng)},
        {"content": content(held, name, rng)},
        {"name": rng.choice(_NAMES)},
        {"local_name": rng.choice(_NAMES)},
        {"flags": rng.choice(_INTERESTING)},
        {"local_flags": rng.choice(_INTERESTING)},
        {"local_size": rng.choice((0, 1, 9, 0xFFFFFFFF))},
        {"method": rng.choice((0, 8, 9, 12, 14, 93, 99))},
        {"behind": rng.choice((hostile.EVIL, b"\0" * 40))},
        {"extra": struct.pack("<2HQ", 1, rng.choice((8, 16, 0xFFFF)), rng.choice(_INTERESTING))},
    )
    entry = entries[index]
    fields = {slot: getattr(entry, slot) for slot in Entry.__dataclass_fields__}
    entries[index] = Entry(**{**fields, **rng.choice(lies)})
    if rng.random() < 0.2:
        entries.insert(rng.randrange(len(entries) + 1), Entry(rng.choice(_NAMES), hostile.EVIL))
    return zip_of(entries, comment=rng.choice((b"", b"", hostile.EVIL)), base=rng.choice((0, 0, 0, 1, -1 & 0xFFFF)))


_NAMES = (
    *(
        "a/data.pkl",
        "A/DATA.PKL",
        "data.pkl",
        "data.pkl\0x",
        "a/data/0",
        "a/version",
        "a/constants.pkl",
        "a/bytecode.pkl",
    ),
    *(
        "a.npy",
        "MAR-INF/MANIFEST.json",
        "schema.json",
        "a/code/x.py",
        "../x",
        "/x",
        ".data/extern_modules",
        "archive_format",
    ),
    *(
        "serialized_exported_program.json",
        "data",
        "policy.pth",
        "x.debug_pkl",
        "config.json",
        "metadata.json",
        "a/byteorder",
    ),
)


def zipped(data: bytes, rng: Random) -> bytes:
    """One change of a zip archive."""
    return rng.choice((zip_field, zip_field, zip_record, zip_member, zip_member, mutate_bytes.mutate))(data, rng)


_TAR_FIELDS = ((0, 100), (100, 8), (124, 12), (136, 12), (156, 1), (157, 100), (257, 8), (345, 155))


def tar(data: bytes, rng: Random) -> bytes:
    """One field of one header says something else, and the header's checksum fits; or one member does."""
    blocks = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"] or [0]
    if rng.random() < 0.3:
        return _tar_member(data, rng)
    at = rng.choice(blocks)
    block = bytearray(data[at : at + 512].ljust(512, b"\0"))
    offset, width = rng.choice(_TAR_FIELDS)
    value = rng.choice(
        (
            b"%0*o" % (width - 1, rng.choice((0, 1, 511, 512, 513, 1 << 20))),
            b"\x80" + rng.choice((1, 512, 1 << 40)).to_bytes(width - 1, "big") if width > 6 else b"\0",
            b"\xff" * width,
            rng.choice(_NAMES).encode(),
            bytes([rng.choice(b"0123456gxLKSVD\0")]),
            b"-1",
        )
    )
    block[offset : offset + width] = value[:width].ljust(width, b"\0")
    if rng.random() < 0.9:
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % (sum(block) % (1 << 18))
    return data[:at] + bytes(block) + data[at + 512 :]


def _tar_member(data: bytes, rng: Random) -> bytes:
    members: dict[str, bytes] = {}
    with contextlib.suppress(Exception), tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for info in archive:
            file = archive.extractfile(info)
            members[info.name] = file.read(_LARGEST) if file else b""
    if not members:
        return mutate_bytes.mutate(data, rng)
    name = rng.choice(list(members))
    held = content(members.pop(name), name, rng)
    members[rng.choice((name, name, "pickle", "storages", "tensors", "model_config.yaml"))] = held
    return tarred(members, layout=rng.randrange(3))


def seven(data: bytes, rng: Random) -> bytes:
    """A change inside of the headers, both checksums right again; or other members."""
    if len(data) < 32 or rng.random() < 0.2:
        coders = rng.choice(("copy", "lzma", "lzma2", "bcj", "ppmd", "aes"))
        return seven_zip({"a": hostile.EVIL, "b": rng.randbytes(9)}, coders, packed_header=rng.random() < 0.5)
    offset, size = struct.unpack_from("<2Q", data, 12)
    begin = 32 + offset
    if begin > len(data) or rng.random() < 0.1:
        return mutate_bytes.mutate(data, rng)
    header = mutate_bytes.mutate(data[begin : begin + size], rng, _SEVEN)
    packed = data[32:begin] if rng.random() < 0.8 else mutate_bytes.mutate(data[32:begin], rng)
    start = struct.pack("<2QI", len(packed), len(header), zlib.crc32(header))
    return data[:8] + struct.pack("<I", zlib.crc32(start)) + start + packed + header


_SEVEN = (
    b"\x01\x04",
    b"\x06\x00",
    b"\x07\x0b",
    b"\x08\x0a",
    b"\x09",
    b"\x0c",
    b"\x0d",
    b"\x0e",
    b"\x11",
    b"\x17\x06",
    b"\xff" * 9,
)


def npy(data: bytes, rng: Random) -> bytes:
    """Another header, its length right; or another content."""
    if len(data) < 10 or rng.random() < 0.1:
        return mutate_bytes.mutate(data, rng)
    (length,) = struct.unpack_from("<H", data, 8)
    header, rest = data[10 : 10 + length], data[10 + length :]
    if rng.random() < 0.3:
        rest = mutate_pickle.mutate(rest, rng)
    else:
        header = mutate_bytes.mutate(header, rng, NPY_WORDS)
    major = rng.choice((1, 1, 1, 2, 3, 4))
    size = struct.pack("<H" if major == 1 else "<I", len(header) & 0xFFFF)
    return data[:6] + bytes([major, 0]) + size + header + rest


NPY_WORDS = (
    *(
        b"'|O'",
        b"'O'",
        b"'<f8'",
        b"'|V8'",
        b"('<f8', (2,))",
        b"[('a', '|O')]",
        b"(1,)",
        b"()",
        b"(0,)",
        b"True",
        b"False",
    ),
    *(
        b"'descr': ",
        b"'shape': ",
        b"'fortran_order': ",
        b"L",
        b"u'",
        b"-1",
        b"9" * 19,
        b"\\x4f",
        b"[",
        b"(",
        b"{",
        b"\n",
    ),
    *(b"'O4'", b"'object'", b"'|O8'", b"'\\u004f'", b"'M8[ns]'", b"'U3'", b"'=i4'", b"'d'"),
)


def json_text(data: bytes, rng: Random) -> bytes:
    """One value of a JSON text is another, or its text is broken."""
    if rng.random() < 0.4:
        return mutate_bytes.mutate(data, rng, JSON_WORDS)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes.mutate(data, rng, JSON_WORDS)
    return json.dumps(_other(value, rng)).encode()


JSON_WORDS = (
    *(
        b"null",
        b"true",
        b"1e999",
        b"-0",
        b"NaN",
        b"\\ud800",
        b'"a":',
        b"{}",
        b"[]",
        b",",
        b'"data_offsets":[0,8]',
        b"[" * 60,
    ),
    *(b'"dtype":"F32"', b'"shape":[2]', b'"__metadata__":{}', b'"BF16"', b'"__module__":"os"', b'"__class__":"system"'),
    *(b'"__loader__":"ObjectNode"', b'":serialized:":"gASVCAAAAAAAAABjb3MKc3lzdGVtCi4="', b'"content":', b"9" * 30),
)


def _other(value: Any, rng: Random) -> Any:
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        return {**value, rng.choice((key, key, key, "x", "")): _other(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.7:
        at = rng.randrange(len(value))
        return [*value[:at], _other(value[at], rng), *value[at + rng.randrange(2) :]]
    return rng.choice(
        (None, True, 0, -1, 1 << 63, 1.5, "", "os.system", [], {}, [[]], {"a": value}, "F64", [0, 4], value)
    )


def safetensors(data: bytes, rng: Random) -> bytes:
    """Another header, mostly with its length."""
    if len(data) < 8 or rng.random() < 0.1:
        return mutate_bytes.mutate(data, rng)
    (length,) = struct.unpack_from("<Q", data)
    header = json_text(data[8 : 8 + length], rng)
    told = len(header) if rng.random() < 0.9 else rng.choice((0, 1, len(data), 1 << 62, len(header) - 1))
    return struct.pack("<Q", max(told, 0)) + header + data[8 + length :]


_PACKERS: tuple[Callable[[bytes], bytes], ...] = (
    gzip.compress,
    bz2.compress,
    lzma.compress,
    lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    zlib.compress,
    lz4,
    lambda data: b"ZF0x%x" % len(data) + b" " * 10 + zlib.compress(data),
)
_OPENERS: tuple[Callable[[bytes], bytes], ...] = (gzip.decompress, bz2.decompress, lzma.decompress, zlib.decompress)


def stream(data: bytes, rng: Random) -> bytes:
    """Another content compressed, two streams in a row, something behind them, or broken bytes."""
    if rng.random() < 0.5:
        return mutate_bytes.mutate(data, rng, _STREAM_WORDS)
    held = hostile.EVIL
    for opener in _OPENERS:
        with contextlib.suppress(Exception):
            held = opener(data[: 1 << 16])[:_LARGEST]
    packed = rng.choice(_PACKERS)(mutate_pickle.mutate(held, rng))
    return rng.choice((packed, packed, packed + data, data + packed, packed + held, packed + b"\0" * 9 + packed))


_STREAM_WORDS = (
    *(b"\x1f\x8b\x08", b"BZh9", b"BZh11AY&SY", b"\xfd7zXZ\0", b"YZ", b"]\0\0", b"\x78\x9c", b"\x04\x22\x4d\x18"),
    *(b"\x50\x2a\x4d\x18\x04\0\0\0abcd", b"ZF0x", b"\x28\xb5\x2f\xfd", b"\x02\x21\x4c\x18", b"\0\0\0\0", b"\xff" * 8),
)
