"""Files that cost: by their opcodes, by their size, by their number, or by nothing but the start."""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samples.torch_checkpoint import torch_zip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MIB = 1 << 20
_HOSTILE = b"\x80\x04cos\nsystem\n\x8c\x04true\x85R."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One thing to scan."""

    name: str
    path: Path
    pickle: bytes | None = None
    """The pickle alone, to be judged within a process; None if that says nothing."""


def make(folder: Path) -> list[Sample]:
    """Write every sample below *folder*."""
    makers: dict[str, Callable[[Path], bytes | None]] = {
        "one-small-pickle.pkl": _small,
        "state-dict-10000-tensors.pt": _state_dict,
        "list-900000-integers.pkl": _integers,
        "torch-zip-1-gib.pt": _sparse,
        "folder-5000-pickles": _folder,
        "folder-10000-pickles-100-hostile": _mixed,
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [Sample(name=name, path=folder / name, pickle=make(folder / name)) for name, make in makers.items()]


def _small(path: Path) -> bytes:
    content = pickle.dumps({f"parameter {n}": [n, n / 2, "value"] for n in range(30)})
    path.write_bytes(content)
    return content


def _integers(path: Path) -> bytes:
    content = pickle.dumps(list(range(900_000)))
    path.write_bytes(content)
    return content


def _folder(path: Path) -> None:
    path.mkdir(exist_ok=True)
    for number in range(5_000):
        (path / f"{number:04}.pkl").write_bytes(pickle.dumps({"number": number, "name": f"file {number}"}))


def _mixed(path: Path) -> None:
    """In 100 directories; one of a hundred would run ``true``."""
    for number in range(10_000):
        folder = path / f"{number % 100:02}"
        folder.mkdir(parents=True, exist_ok=True)
        is_hostile = number * 7919 % 100 == 3
        content = _HOSTILE if is_hostile else pickle.dumps({"number": number, "values": [number / 2] * 5})
        (folder / f"{number:05}.pkl").write_bytes(content)


def state_dict_pickle(tensors: int) -> bytes:
    """The pickle that ``torch.save`` writes of a state_dict: some 30 opcodes a tensor, names and memo as torch's."""
    memo = _Memo()
    ordered = b"ccollections\nOrderedDict\n" + memo.put()
    out = [b"\x80\x02", ordered, b")R", memo.put(), b"("]
    shared: dict[str, int] = {}
    for number in range(tensors):
        out += [_text(f"model.layers.{number // 10}.block.{number % 10}.weight"), memo.put()]
        out += [memo.once(shared, "rebuild", b"ctorch._utils\n_rebuild_tensor_v2\n"), b"(("]
        out += [memo.once(shared, "storage", _text("storage"))]
        out += [memo.once(shared, "type", b"ctorch\nFloatStorage\n")]
        out += [_text(str(number)), memo.put(), memo.once(shared, "cpu", _text("cpu")), b"K\x01t", memo.put(), b"QK\0"]
        out += [b"K\x01\x85", memo.put(), b"K\x01\x85", memo.put(), b"\x89h\0)R", memo.put(), b"t", memo.put()]
        out += [b"R", memo.put()]
    return b"".join([*out, b"u."])


class _Memo:
    def __init__(self) -> None:
        self._next = 0

    def put(self) -> bytes:
        index = self._next
        self._next += 1
        return _indexed(b"q", b"r", index)

    def once(self, shared: dict[str, int], name: str, value: bytes) -> bytes:
        """*value* the first time, the memo's slot after that."""
        if name in shared:
            return _indexed(b"h", b"j", shared[name])
        shared[name] = self._next
        return value + self.put()


def _indexed(short: bytes, long: bytes, index: int) -> bytes:
    return short + bytes([index]) if index <= 0xFF else long + struct.pack("<I", index)


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _state_dict(path: Path) -> bytes:
    tensors = 10_000
    content = state_dict_pickle(tensors)
    path.write_bytes(torch_zip(content, {str(n): struct.pack("<f", n) for n in range(tensors)}))
    return content


def _sparse(path: Path) -> None:
    """One storage of 1 GiB of zeros, a hole in the file."""
    size = 1024 * _MIB
    crc = 0
    for _ in range(size // _MIB):
        crc = zlib.crc32(bytes(_MIB), crc)
    content = state_dict_pickle(1).replace(b"K\x01t", b"J" + struct.pack("<i", size // 4) + b"t", 1)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", b"3\n")
        info = zipfile.ZipInfo("archive/data/0")
        info.file_size = info.compress_size = size
        info.CRC = crc
        info.header_offset = archive.start_dir
        assert archive.fp is not None
        archive.fp.seek(archive.start_dir)
        archive.fp.write(info.FileHeader(zip64=False))
        archive.start_dir = archive.fp.tell() + size
        archive.fp.truncate(archive.start_dir)
        archive.filelist.append(info)
        archive.NameToInfo[info.filename] = info
        vars(archive)["_didModify"] = True  # zipfile itself writes no member without reading it
