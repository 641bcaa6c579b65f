"""Bombs of every kind we know: small files that a careless scanner spends everything on. Each has an attack inside."""

from __future__ import annotations

import bz2
import functools
import gzip
import json
import lzma
import struct
import tarfile
import zlib
from typing import TYPE_CHECKING

from samples import hostile
from samples.containers import Entry, npy, safetensors, seven_zip, tarred, zip_of, zipped
from samples.hostile import EVIL, SYSTEM, pickled, text

if TYPE_CHECKING:
    from collections.abc import Callable

_UNKNOWN = b"csome_package\nfunction\n"
_ATTACK = EVIL[2:-1] + b"0"
"""The attack's opcodes, to stand before what keeps a scanner from seeing them in the end."""


@functools.cache
def all_bombs() -> dict[str, bytes]:
    """Every bomb by its name; none of them can be called clean."""
    return {**hostile.bombs(), **_decompression(), **_archives(), **_pickles(), **_floods(), **_others()}


def _again(pack: Callable[[bytes], bytes], times: int, content: bytes = EVIL) -> bytes:
    for _ in range(times):
        content = pack(content)
    return content


def _decompression() -> dict[str, bytes]:
    """A great deal of nothing in few bytes, and little in many layers."""
    zeros = bytes(16 << 20)
    streams = {"gzip": gzip.compress(zeros), "bz2": bz2.compress(zeros), "xz": lzma.compress(zeros, preset=0)}
    many = {
        "bomb-gzip-streams": streams["gzip"] * 300 + gzip.compress(EVIL),
        "bomb-bz2-streams": streams["bz2"] * 2_000 + bz2.compress(EVIL),
        "bomb-xz-streams": streams["xz"] * 1_000 + lzma.compress(EVIL),
    }
    packers: dict[str, Callable[[bytes], bytes]] = {"bz2": bz2.compress, "xz": lzma.compress, "zlib": zlib.compress}
    nested = {f"bomb-{name}-in-{name}": _again(pack, 40) for name, pack in packers.items()}
    mixed = _again(lambda content: lzma.compress(bz2.compress(zlib.compress(gzip.compress(content)))), 10)
    squeezed = {f"bomb-squeezed-{name}": gzip.compress(stream) for name, stream in many.items()}
    return many | nested | {"bomb-mixed-in-mixed": mixed} | squeezed


def _archives() -> dict[str, bytes]:
    """Archives that are wide, deep, or hold the same bytes many times over."""
    zeros = bytes(16 << 20)
    wide = {f"m{number}": b"" for number in range(65_600)}
    broad = functools.reduce(
        lambda inner, _: zipped({f"{n}.zip": inner for n in range(10)}, deflated=True), "123456", EVIL
    )
    return {
        "bomb-zip-zeros": zipped({f"z{number}": zeros for number in range(64)} | {"evil.pkl": EVIL}, deflated=True),
        "bomb-zip-in-zip": _again(lambda content: zipped({"inner.zip": content}, deflated=True), 40),
        "bomb-zip-ten-to-the-sixth": broad,
        "bomb-zip-wide": _wide(wide | {"evil.pkl": EVIL}),
        "bomb-zip-long-names": zipped({f"{number}{'n' * 65_000}": EVIL for number in range(60)}),
        "bomb-zip-overlap": _overlapping(2_000),
        "bomb-zip-terabyte-member": zip_of([Entry("evil.pkl", EVIL), Entry("x.bin", b"x", size=(1 << 32) - 2)]),
        "bomb-tar-in-tar": _again(lambda content: tarred({"inner.tar": content}), 40),
        "bomb-tar-members": gzip.compress(tarred({f"m{number}": b"" for number in range(110_000)} | {"m": EVIL}), 1),
        "bomb-tar-sparse": tarred({"evil.pkl": EVIL}, links=[_sparse("huge", 1 << 40)]),
        "bomb-7z-zeros": seven_zip({"zeros": bytes(8 << 20), "evil.pkl": EVIL}),
        "bomb-7z-in-7z": _again(lambda content: seven_zip({"inner.7z": content}), 40),
    }


def _wide(members: dict[str, bytes]) -> bytes:
    """More members than the end record can count (it says 65,535, and its zip64 companion is missing)."""
    whole = bytearray(zip_of([]))[:-22]
    central = bytearray()
    for name, content in members.items():
        told = (zlib.crc32(content), len(content), len(content))
        central += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, *told, len(name), 0, 0, 0, 0, 0, len(whole)
        )
        central += name.encode()
        whole += struct.pack("<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, *told, len(name), 0) + name.encode() + content
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(central), len(whole), 0)
    return bytes(whole + central + end)


def _overlapping(number: int) -> bytes:
    """Members that all unpack the same 16 MiB."""
    packed = Entry("a", bytes(16 << 20), deflated=True).packed()
    crc = zlib.crc32(bytes(16 << 20))
    told = (8, 0, 0, crc, len(packed), 16 << 20)
    whole = struct.pack("<4s2H3H3I2H", b"PK\3\4", 20, 0, *told, 1, 0) + b"a" + packed
    central = b"".join(
        struct.pack("<4s3H3H3I5H2I", b"PK\1\2", 20, 20, 0, *told, len(name), 0, 0, 0, 0, 0, 0) + name
        for name in (b"a%d" % index for index in range(number))
    )
    return whole + central + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, number, number, len(central), len(whole), 0)


def _sparse(name: str, size: int) -> tarfile.TarInfo:
    """A member of old GNU tar that is all hole."""
    info = tarfile.TarInfo(name)
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    info.pax_headers = {"GNU.sparse.size": str(size), "GNU.sparse.numblocks": "0", "GNU.sparse.map": ""}
    return info


def _pickles() -> dict[str, bytes]:
    """Opcodes that cost: sharing, hashing, converting, memorising."""
    equal = b"".join(b"\x8a\x0b" + (n * ((1 << 61) - 1)).to_bytes(11, "little") + b"N" for n in range(60_000))
    shared = b")" + b"2\x86" * 10_000
    return {
        "bomb-equal-hashes": pickled(_ATTACK + b"}(" + equal + b"u"),
        "bomb-tuples-as-key": pickled(_ATTACK + b"}" + shared + b"Ns"),
        "bomb-tuples-shared": pickled(_UNKNOWN + shared + b"\x85R" + SYSTEM + b"\x86"),
        "bomb-decimal": b"\x80\x02" + _ATTACK + b"L" + b"9" * 4_000_000 + b"L\n.",
        "bomb-escapes": b"\x80\x02" + _ATTACK + b"S'" + b"\\x41" * 2_000_000 + b"'\n.",
        "bomb-memo-far": pickled(
            _ATTACK + b"N" + b"".join(b"r" + struct.pack("<I", (1 << 32) - 1 - n) for n in range(300_000))
        ),
        "bomb-marks": pickled(_ATTACK + b"(" * 3_000_000 + b"N"),
        "bomb-frames": b"\x80\x04" + b"\x95\0\0\0\0\0\0\0\0" * 500_000 + EVIL[2:],
        "bomb-dicts": pickled(_ATTACK + b"}" * 1_000_000 + b"N"),
        "bomb-laughs-in-build": pickled(
            _UNKNOWN + b")R" + b"](" + b"".join(_laugh(n) for n in range(26)) + b"eb" + SYSTEM + b"\x86"
        ),
        "bomb-states": pickled(_UNKNOWN + b")R" + b"}b" * 600_000 + SYSTEM + b"\x86"),
        "bomb-stacked": EVIL * 40_000,
    }


def _laugh(index: int) -> bytes:
    if index == 0:
        return b"](" + text("ha") * 10 + b"eq\0"
    return b"](" + (b"h" + bytes([index - 1])) * 10 + b"eq" + bytes([index])


def _floods() -> dict[str, bytes]:
    """Much to complain about: to standard error, in the report, in one text."""
    names = b"".join(b"cos\nsystem%d\n0" % number for number in range(1_000_000))
    return {
        "bomb-stderr": pickled(SYSTEM + b"0" + b"NN\x930" * 100_000 + b"N"),
        "bomb-a-million-findings": gzip.compress(pickled(names + b"N"), 1),
        "bomb-a-million-calls": gzip.compress(pickled((SYSTEM + b"(tR0") * 1_000_000 + b"N"), 1),
        "bomb-long-argument": gzip.compress(pickled(SYSTEM + _long(b"echo " + b"a" * (48 << 20)) + b"\x85R"), 1),
        "bomb-long-name": pickled(_ATTACK + b"cos\n" + b"n" * (8 << 20) + b"\n"),
        "bomb-long-module": pickled(_ATTACK + b"c" + b"os." * (2 << 20) + b"\nsystem\n"),
        "bomb-control-characters": pickled(SYSTEM + _long(b"\x1b[2J\r\n" * 500_000) + b"\x85R"),
        "bomb-imports": pickled(b"".join(b"cp%d.q\nn%d\n0" % (n, n) for n in range(200_000)) + SYSTEM),
    }


def _long(value: bytes) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value


def _others() -> dict[str, bytes]:
    """Formats that are no pickle and hold one, or claim to be huge."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (1000000000000,), }"
    deep = "(" * 50_000 + ")" * 50_000
    return {
        "bomb-npy-shape": npy(header, EVIL),
        "bomb-npy-nesting": npy(f"{{'descr': '|O', 'fortran_order': False, 'shape': {deep}, }}", EVIL, 2),
        "bomb-safetensors-header": struct.pack("<Q", 1 << 60) + b'{"a":' + EVIL,
        "bomb-safetensors-nesting": safetensors({}, b"")[:8] + b"[" * 1_000_000 + EVIL,
        "bomb-json-nesting": b'{"_target_": "os.system", "a": ' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        "bomb-config-targets": json.dumps([{"_target_": "os.system"}] * 100_000).encode(),
        "bomb-hidden": b"\x89PNG\r\n\x1a\n" + (b"\x80\x04N0" * 300_000) + EVIL,
    }
