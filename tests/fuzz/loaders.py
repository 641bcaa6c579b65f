"""Parts of a content that loaders run: the standard library's and numpy's own readers around the inert unpicklers.

They open archives and streams that a mutator made, which executes nothing; whatever they hand to an unpickler goes to
`fuzz.reference`, where nothing is behind it.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import warnings
import zipfile
import zlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from fuzz import miniz, reference

from picklewatch.catalogue.imports.classify import judge, plausible
from picklewatch.catalogue.imports.entries import Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

_HELD = 1 << 20
_DEPTH = 3
_LONGEST = 200
"""Characters of a name."""
_NUMPY = b"\x93NUMPY"
_PICKLED = (".pkl", "pickle", "storages", "tensors")


class Call(NamedTuple):
    """A call that some loader would make."""

    loader: str
    how: str
    """As in `reference.Seen.calls`."""
    module: str
    name: str

    @property
    def hostile(self) -> bool:
        """Return True if no model needs it."""
        return self.how != "computed" and judge(self.module, self.name).status is Status.DENIED


def calls(data: bytes, depth: int = 0, loader: str = "pickle.load") -> Iterator[Call]:
    """Each call that some loader would make of what could be a name in Python."""
    readers = {loader: reference.read_all(data), f"joblib.load < {loader}": [reference.read_joblib(data)]}
    for reader, read in readers.items():
        for how, (module, name) in (call for seen in read for call in seen.calls):
            if plausible(module, name) and len(module) + len(name) < _LONGEST:
                yield Call(reader, how, module, name)
    if depth >= _DEPTH:
        return
    for where, inner in _inside(data):
        yield from calls(inner, depth + 1, f"{loader} < {where}")


def hostile(module: str, name: str) -> bool:
    """Return True if importing this is malicious already."""
    return judge(module, name).level is Level.MALICIOUS


def _inside(data: bytes) -> Iterator[tuple[str, bytes]]:
    for reader in (_zip, _torch_zip, _tar):
        with contextlib.suppress(Exception):
            yield from reader(data)
    if data.startswith(_NUMPY):
        with contextlib.suppress(Exception):
            yield from _npy(data)
    yield from _streams(data)


def _zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Members as `zipfile` finds them by name, whatever the name was given to first; arrays; the only one (pandas)."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        for name in names[:20]:
            with contextlib.suppress(Exception), archive.open(name) as member:
                held = member.read(_HELD)
                if name.lower().endswith(_PICKLED) or held.startswith(_NUMPY) or len(names) == 1:
                    yield f"zipfile {name!r}", held


def _torch_zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The records that ``torch.load`` unpickles, as miniz finds them."""
    if data.startswith(b"PK\x03\x04"):
        for name, held in miniz.members(data, _HELD):
            if name.lower().endswith(_PICKLED):
                yield f"torch.load {name!r}", held


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Members by their names, links followed; the only one (pandas)."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        members = archive.getmembers()
        for info in members[:20]:
            if info.name.lower().endswith(_PICKLED) or len(members) == 1:
                with contextlib.suppress(Exception):
                    file = archive.extractfile(info)
                    if file is not None:
                        yield f"tarfile {info.name!r}", file.read(_HELD)


def _npy(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What ``numpy.load(…, allow_pickle=True)`` unpickles: numpy's own header reader says whether and where."""
    file = io.BytesIO(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = np.lib.format.read_magic(file) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        _shape, _order, dtype = read(file)
    if dtype.hasobject:
        yield "numpy.load", data[file.tell() :]


def _streams(data: bytes) -> Iterator[tuple[str, bytes]]:
    with contextlib.suppress(Exception), gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        yield "gzip", _read(file)
    for opener in (bz2.BZ2File, lzma.LZMAFile):
        with contextlib.suppress(Exception), opener(io.BytesIO(data)) as stream:
            yield opener.__name__, _read(stream)
    with contextlib.suppress(zlib.error):
        yield "zlib", zlib.decompressobj().decompress(data, _HELD)
    if data.startswith(b"ZF"):  # joblib's `read_zfile`, the length's truth aside
        with contextlib.suppress(ValueError, zlib.error):
            int(data[2:21], 16)
            yield "read_zfile", zlib.decompressobj().decompress(data[21 + data.startswith(b" ", 21) :], _HELD)


def _read(file: io.BufferedIOBase) -> bytes:
    """Return the bytes of *file* before it ends or breaks: a loader sees as much."""
    held = b""
    try:
        while len(held) < _HELD and (chunk := file.read1(1 << 14)):
            held += chunk
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        pass
    return held
