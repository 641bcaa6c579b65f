"""Files that cost: by their opcodes, by their size, by their number, or by nothing but the start."""

from __future__ import annotations

import pickle
import struct
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samples.torch_checkpoint import torch_zip

from bench.speed import bulk_files, library_pickles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MANY = 10_000
_HOSTILE = b"\x80\x04cos\nsystem\n\x8c\x04true\x85R."


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing to scan: how it is made, and what it is to cost."""

    name: str
    title: str
    make: Callable[[Path], bytes | None]
    """Writes it, and returns the pickle alone, to be judged within a process; None if that says nothing."""
    most: float | None = None
    """The ratio to the fastest peer that it is to cost at most."""
    beyond: float | None = None
    """Processor seconds beyond those of one small pickle that it is to cost at most."""
    status: int = 0
    """The exit status of a scanner that reads it rightly: 1 if there is harm in it."""
    read_by_peers: bool = True
    """False if the peers pass such a file over, whatever their status."""
    keep: bool = False
    """True if it takes long to make: one that is there from an earlier run is taken again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A row that was written to disk."""

    row: Row
    path: Path
    pickle: bytes | None = None


def make(folder: Path, chosen: Callable[[Row], bool]) -> list[Sample]:
    """Write the *chosen* rows below *folder*."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_made(row, folder / row.name) for row in ROWS if chosen(row)]


def _made(row: Row, path: Path) -> Sample:
    if row.keep and path.exists():
        return Sample(row=row, path=path)
    begun = path.with_name(f"{path.name}.part")
    if not row.keep:
        return Sample(row=row, path=path, pickle=row.make(path))
    row.make(begun)
    begun.rename(path)
    return Sample(row=row, path=path)


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


def _zipped(tensors: int, protocol: int) -> Callable[[Path], bytes]:
    def make_it(path: Path) -> bytes:
        content = library_pickles.state_dict(tensors, protocol)
        path.write_bytes(torch_zip(content, {str(n): struct.pack("<f", n) for n in range(tensors)}))
        return content

    return make_it


def _optimizer(path: Path) -> bytes:
    content = library_pickles.optimizer(4_000)
    path.write_bytes(torch_zip(content, {str(n): struct.pack("<f", n) for n in range(12_000)}))
    return content


def _alone(content: Callable[[], bytes]) -> Callable[[Path], bytes]:
    def make_it(path: Path) -> bytes:
        made = content()
        path.write_bytes(made)
        return made

    return make_it


def _sparse(size: int) -> Callable[[Path], None]:
    def make_it(path: Path) -> None:
        """One storage of zeros, a hole in the file. Its checksum is left out, which nobody compares of a tensor."""
        count = struct.pack("<q", size // 4).rstrip(b"\0") + b"\0"
        content = state_dict_pickle(1).replace(b"K\x01t", b"\x8a" + bytes([len(count)]) + count + b"t", 1)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", content)
            archive.writestr("archive/version", b"3\n")
            info = zipfile.ZipInfo("archive/data/0")
            info.file_size = info.compress_size = size
            info.CRC = 0
            info.header_offset = archive.start_dir
            assert archive.fp is not None
            archive.fp.seek(archive.start_dir)
            archive.fp.write(info.FileHeader(zip64=size >= 1 << 32))
            archive.start_dir = archive.fp.tell() + size
            archive.fp.truncate(archive.start_dir)
            archive.filelist.append(info)
            archive.NameToInfo[info.filename] = info
            vars(archive)["_didModify"] = True  # zipfile itself writes no member without reading it

    return make_it


ROWS = (
    Row(name="one-small-pickle.pkl", title="One pickle of 1 KB: the cost of the start", make=_small, most=1.5),
    Row(name="folder-5000-pickles", title="A folder of 5,000 small pickles", make=_folder, most=1.5),
    Row(
        name="folder-10000-pickles-100-hostile",
        title="10,000 small files in 100 directories, one of a hundred hostile",
        make=_mixed,
        status=1,
    ),
    *(
        Row(
            name=f"state-dict-{tensors}-tensors.pt",
            title=f"A state_dict of {tensors:,} tensors, in a zip of as many records",
            make=_zipped(tensors, 2),
            most=0.5 if tensors == _MANY else None,
        )
        for tensors in (100, 1_000, _MANY, 30_000)
    ),
    *(
        Row(
            name=f"state-dict-protocol-{protocol}.pt",
            title=f"A state_dict of 10,000 tensors, protocol {protocol}",
            make=_zipped(_MANY, protocol),
        )
        for protocol in (4, 5)
    ),
    Row(name="optimizer-4000-parameters.pt", title="The state of Adam over 4,000 parameters", make=_optimizer),
    Row(name="list-900000-integers.pkl", title="A pickle of 900,000 integers", make=_integers, most=0.2),
    Row(
        name="vocabulary-150000-words.pkl",
        title="A vocabulary of 150,000 words",
        make=_alone(lambda: library_pickles.vocabulary(150_000)),
    ),
    Row(
        name="numpy-20000-scalars.pkl",
        title="A list of 20,000 scalars of numpy",
        make=_alone(lambda: library_pickles.scalars(20_000)),
    ),
    Row(name="forest-500-trees.pkl", title="A forest of 500 trees", make=_alone(lambda: library_pickles.forest(500))),
    Row(name="torch-zip-1-gib.pt", title="A torch zip of 1 GiB, one storage", make=_sparse(1 << 30), most=1.3),
    Row(name="torch-zip-20-gib.pt", title="A torch zip of 20 GiB, one storage", make=_sparse(20 << 30)),
    *(
        Row(name=name, title=title, make=make_it, read_by_peers=False, beyond=beyond, keep=beyond is None)
        for name, title, make_it, beyond in (
            ("json-lines-20-mb.jsonl", "20 MB of JSON lines", bulk_files.json_lines, 0.15),
            ("text-1-gb.jsonl", "1 GB of JSON lines", bulk_files.long_text, None),
            ("tensors-300-mb.tar.gz", "A tar of numbers and texts, 300 MB of gzip", bulk_files.tensors, None),
            ("docker-layer-100-mb.tar.gz", "A layer of an image, 100 MB of gzip", bulk_files.layer, None),
            ("package.conda", "A conda package of 17 MB", bulk_files.conda, None),
            ("table-35-mb.csv.gz", "A table, 35 MB of gzip", bulk_files.table, None),
        )
    ),
)
"""All rows, in the order of docs/performance.md."""
