"""Checkpoints byte for byte as ``torch.save`` of PyTorch 2.13 writes them (caffe2/serialize), made without torch."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ALIGNMENT = 64
_FLAGS = 0x0808  # sizes follow the content; names are UTF-8


def checkpoint(tensors: Mapping[str, Sequence[float]], *, name: str = "archive") -> bytes:
    """A state_dict of one-dimensional float tensors."""
    storages = {str(key): struct.pack(f"<{len(values)}f", *values) for key, values in enumerate(tensors.values())}
    return torch_zip(state_dict_pickle(tensors), storages, name=name)


def torch_zip(pickle: bytes, storages: Mapping[str, bytes] | None = None, *, name: str = "archive") -> bytes:
    """The archive that ``torch.save(…, f"{name}.pt")`` writes around *pickle*."""
    members = {"data.pkl": pickle, ".format_version": b"1", ".storage_alignment": b"64", "byteorder": b"little"}
    members |= {f"data/{key}": content for key, content in (storages or {}).items()}
    members |= {"version": b"3\n", ".data/serialization_id": b"0" * 40}
    return _archive({f"{name}/{member}": content for member, content in members.items()})


def state_dict_pickle(tensors: Mapping[str, Sequence[float]]) -> bytes:
    """The pickle of an OrderedDict of one-dimensional float tensors."""
    ordered_dict = b"ccollections\nOrderedDict\n)R"
    items = b""
    for key, (name, values) in enumerate(tensors.items()):
        storage = (
            b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(str(key)) + _text("cpu") + _int(len(values))
        )
        shape = _int(len(values)) + b"\x85" + _int(1) + b"\x85"
        arguments = b"(" + storage + b"tQ" + _int(0) + shape + b"\x89" + ordered_dict + b"t"
        items += _text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"
    return b"\x80\x02" + ordered_dict + b"(" + items + b"u."


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def _int(number: int) -> bytes:
    return b"J" + struct.pack("<i", number)


def _archive(members: Mapping[str, bytes]) -> bytes:
    out = bytearray()
    central = bytearray()
    for name, content in members.items():
        encoded = name.encode()
        start = len(out)
        crc, size = zlib.crc32(content), len(content)
        padding = -(start + 30 + len(encoded) + 4) % _ALIGNMENT
        extra = b"FB" + struct.pack("<H", padding) + b"Z" * padding
        out += (
            struct.pack("<4s5H3I2H", b"PK\3\4", 0, _FLAGS, 0, 0, 0, 0, 0, 0, len(encoded), len(extra)) + encoded + extra
        )
        out += content + struct.pack("<4s3I", b"PK\7\x08", crc, size, size)
        header = (0, 0, _FLAGS, 0, 0, 0, crc, size, size, len(encoded), 0, 0, 0, 0, 0, start)
        central += struct.pack("<4s6H3I5H2I", b"PK\1\2", *header) + encoded
    start, count, size = len(out), len(members), len(central)
    out += central
    out += struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 0x031E, 45, 0, 0, count, count, size, start)
    out += struct.pack("<4sIQI", b"PK\6\7", 0, start + size, 1)
    out += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, count, count, size, start, 0)
    return bytes(out)
