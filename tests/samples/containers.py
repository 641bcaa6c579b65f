"""Containers built by hand, with every header field open to lies."""

from __future__ import annotations

import io
import json
import lzma
import marshal
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from importlib.util import MAGIC_NUMBER
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Entry:
    """One zip member; what is None is told truly."""

    name: str
    content: bytes
    deflated: bool = False
    flags: int = 0
    crc: int | None = None
    local_name: str | None = None
    local_flags: int | None = None
    local_crc: int | None = None
    local_size: int | None = None
    method: int | None = None
    size: int | None = None
    extra: bytes = b""
    behind: bytes = field(default=b"")
    """Bytes that follow the member and that no header covers."""

    def packed(self) -> bytes:
        """The member's bytes in the archive."""
        if not self.deflated:
            return self.content
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflate.compress(self.content) + deflate.flush()


def zip_of(entries: Iterable[Entry], *, comment: bytes = b"", base: int = 0) -> bytes:
    """A zip archive of *entries*; *base* is added to every offset in it."""
    out, central, count = bytearray(), bytearray(), 0
    for entry in entries:
        start, packed = len(out), entry.packed()
        name, local = entry.name.encode(), (entry.local_name or entry.name).encode()
        crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
        size = len(entry.content) if entry.size is None else entry.size
        method = (8 if entry.deflated else 0) if entry.method is None else entry.method
        told = (
            entry.flags if entry.local_flags is None else entry.local_flags,
            method,
            crc if entry.local_crc is None else entry.local_crc,
            len(packed) if entry.local_size is None else entry.local_size,
            size if entry.local_size is None else entry.local_size,
        )
        out += struct.pack("<4s5H3I2H", b"PK\3\4", 20, *told[:2], 0, 0, *told[2:], len(local), len(entry.extra))
        out += local + entry.extra + packed + entry.behind
        header = (20, 20, entry.flags, method, 0, 0, crc, len(packed), size, len(name), 0, 0, 0, 0, 0, start + base)
        central += struct.pack("<4s6H3I5H2I", b"PK\1\2", *header) + name
        count += 1
    end = (0, 0, count, count, len(central), len(out) + base, len(comment))
    return bytes(out + central + struct.pack("<4s4H2IH", b"PK\5\6", *end) + comment)


def zipped(members: Mapping[str, bytes], *, deflated: bool = False) -> bytes:
    """An honest zip archive."""
    return zip_of(Entry(name, content, deflated=deflated) for name, content in members.items())


def with_lie(entries: list[Entry], index: int, lie: Mapping[str, object]) -> bytes:
    """A zip archive of *entries* of which one is changed by *lie*."""
    changed = list(entries)
    changed[index] = replace(changed[index], **lie)  # type: ignore[arg-type]
    return zip_of(changed)


def library_zip(members: Mapping[str, bytes], compression: int) -> bytes:
    """A zip archive as the standard library writes it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members: Mapping[str, bytes], *, links: Iterable[tarfile.TarInfo] = (), layout: int = 2) -> bytes:
    """A tar archive; *layout* is one of `tarfile`'s formats."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=layout) as archive:
        for link in links:
            archive.addfile(link)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    """A link for a tar archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def seven_zip(members: Mapping[str, bytes], coders: str = "lzma2", *, packed_header: bool = False) -> bytes:
    """A 7z archive of one folder; *coders* is ``copy``, ``lzma``, ``lzma2``, ``bcj``, ``ppmd`` or ``aes``."""
    content = b"".join(members.values())
    packed, described = _coded(content, coders)
    sizes = len(content).to_bytes(4, "little")
    number = b"\xe0"  # three more bytes of a number below 2**24 follow, with the high bits in this one
    total = number + sizes[:3]
    count = described[0]
    streams = b"\x06\x00\x01\x09" + number + len(packed).to_bytes(3, "little") + b"\x00"
    streams += b"\x07\x0b\x01\x00" + described + b"\x0c" + total * count + b"\x00"
    streams += b"\x08\x0d" + bytes([len(members)])
    lengths = b"".join(number + len(piece).to_bytes(3, "little") for piece in list(members.values())[:-1])
    streams += (b"\x09" + lengths if lengths else b"") + b"\x00\x00"
    names = b"\x00" + b"".join(name.encode("utf-16-le") + b"\0\0" for name in members)
    files = b"\x05" + bytes([len(members)]) + b"\x11" + number + len(names).to_bytes(3, "little") + names + b"\x00"
    header = b"\x01\x04" + streams + files + b"\x00"
    if packed_header:
        squeezed, folder = _coded(header, "lzma")
        where = number + len(packed).to_bytes(3, "little")
        encoded = b"\x17\x06" + where + b"\x01\x09" + number + len(squeezed).to_bytes(3, "little") + b"\x00"
        encoded += b"\x07\x0b\x01\x00" + folder + b"\x0c" + number + len(header).to_bytes(3, "little")
        packed += squeezed
        header = encoded + b"\x0a\x01" + struct.pack("<I", zlib.crc32(header)) + b"\x00\x00"
    start = struct.pack("<2QI", len(packed), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + packed + header


def _coded(content: bytes, coders: str) -> tuple[bytes, bytes]:
    """The packed bytes, and the folder's description."""
    lzma2 = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 16}]
    lzma1 = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    if coders == "copy":
        return content, b"\x01\x01\x00"
    if coders == "lzma":
        packed = lzma.compress(content, lzma.FORMAT_RAW, filters=lzma1)
        return packed, b"\x01\x23\x03\x01\x01\x05\x5d" + struct.pack("<I", 1 << 16)
    if coders == "lzma2":
        return lzma.compress(content, lzma.FORMAT_RAW, filters=lzma2), b"\x01\x21\x21\x01\x0c"
    if coders == "bcj":
        both = [{"id": lzma.FILTER_X86}, *lzma2]
        folder = b"\x02\x04\x03\x03\x01\x03\x21\x21\x01\x0c\x00\x01"
        return lzma.compress(content, lzma.FORMAT_RAW, filters=both), folder
    return content, {"ppmd": b"\x01\x03\x03\x04\x01", "aes": b"\x01\x04\x06\xf1\x07\x01"}[coders]


def npy(header: str, data: bytes, version: int = 1) -> bytes:
    """A ``.npy`` file of any header."""
    text = header.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(text)) + text + data


def objects(pickle: bytes, version: int = 1) -> bytes:
    """A ``.npy`` file of one object."""
    return npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", pickle, version)


def lz4(content: bytes) -> bytes:
    """An LZ4 frame of stored blocks."""
    blocks = b"".join(
        struct.pack("<I", 0x80000000 | len(content[at : at + 65536])) + content[at : at + 65536]
        for at in range(0, len(content), 65536)
    )
    return struct.pack("<I", 0x184D2204) + b"\x60\x40\x82" + blocks + b"\0\0\0\0"


LEGACY_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The first pickle of torch's legacy file."""


def script(code: str) -> bytes:
    """A TorchScript archive of one class, with *code* in a file of its own besides."""
    members = {"m/data.pkl": b"\x80\x02c__torch__\nM\n)\x81}b.", "m/constants.pkl": b"\x80\x02).", "m/version": b"3\n"}
    members["m/code/__torch__.py"] = b"class M(Module):\n  def forward(self: __torch__.M) -> int:\n    return 1\n"
    return zipped(members | {"m/code/more.py": code.encode()})


def safetensors(header: object, content: bytes) -> bytes:
    """A safetensors file of any header."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + content


def compiled(source: str) -> bytes:
    """A module of compiled Python (PEP 552), as ``__pycache__`` holds it."""
    return MAGIC_NUMBER + bytes(12) + marshal.dumps(compile(source, "x.py", "exec"))
