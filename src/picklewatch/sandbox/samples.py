"""Tiny contents of our own, scanned by the warm process so that a child finds everything imported and compiled.

Once locked down, nothing can be imported any more. None of this is ever unpickled.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

from picklewatch.analysis import formats
from picklewatch.core.model import Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CODECS = (
    *("ascii", "charmap", "cp1252", "cp437", "idna", "latin-1", "punycode", "raw_unicode_escape"),
    *("unicode_escape", "utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "utf-32-le", "utf-7", "utf-8"),
)
"""Every text encoding that a reader may ask for."""

CALL = b"\x80\x04\x8c\x02os\x8c\x06getcwd\x93)R."
"""A pickle that would call ``os.getcwd()``: sends the engine to fickling."""
DATA = b"\x80\x04}\x8c\x01a]K\x01as."
"""A pickle of ``{"a": [1]}``."""
FIRST = (CALL, DATA)
"""What takes a scan through all that is imported late."""
BROKEN = b"\x80\x04}\x8c\xff"

_LZMA_ZIP = bytes.fromhex(
    "504b03043f0002000e000000210021bd02b8270000001200000008000000646174612e706b6c090405005d001000000040010d36fc072837"
    "633e16d7ffcc7c97bd2aa78d572673ffff60200000504b01023f033f0002000e000000210021bd02b8270000001200000008000000000000"
    "0000000000800100000000646174612e706b6c504b05060000000001000100360000004d0000000000"
)
"""A zip of `CALL`, packed by LZMA with a dictionary of 4 KiB. `zipfile` takes one of 8 MiB, which costs more than
all other samples together."""


def warm_up(jobs: Mapping[str, Callable[..., object]]) -> None:
    """Import everything, and run the scan and every view of *jobs* once, whatever their results."""
    formats.warm()
    for name in CODECS:
        codecs.lookup(name)
    for sample in FIRST:
        with contextlib.suppress(Exception):
            jobs["scan"](sample, Limits())
    request = {"member": None, "limit": 1_000, "places": (), "names": ()}
    for view in (job for kind, job in jobs.items() if kind not in {"scan", "rescue"}):
        view(CALL, Limits(), request, lambda _line: None)
    if "rescue" in jobs:
        for anew in (False, True):
            jobs["rescue"](_npy(), Limits(), {"only": None, "anew": anew}, lambda _line: None, lambda _piece: None)


def take_a_plain_path(scan: Callable[..., object]) -> None:
    """Import what the scan of a pickle or a zip of torch's needs that imports nothing itself."""
    for sample in (DATA, _zip({"archive/data.pkl": DATA, "archive/version": b"3\n"}, zipfile.ZIP_STORED)):
        with contextlib.suppress(Exception):
            scan(sample, Limits())


def practise(scan: Callable[..., object]) -> None:
    """Take every path through the readers once, so that no later child has to compile its patterns.

    Nothing is imported by it: a process that is locked down can do it.
    """
    for sample in samples():
        with contextlib.suppress(Exception):
            scan(sample, Limits())


def samples() -> Iterator[bytes]:
    """Make one small content for each path through the readers."""
    yield from (b"", b"text", *FIRST, BROKEN, CALL + DATA, b"(dp0\nS'a'\np1\nF1.5\ns.", b"cos\ngetcwd\n(tR.")
    yield _LZMA_ZIP
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2):
        yield _zip({"archive/data.pkl": DATA, "archive/version": b"3\n", "archive/data/0": bytes(8)}, method)
        yield _zip({"archive/data.pkl": CALL, "archive/näme": b"", "archive/code/__torch__.py": b"1"}, method)
    yield _tar({"pickle": CALL, "storages": DATA, "a/b.npy": _npy()})
    yield _zip({"a.npy": _npy(), "MAR-INF/MANIFEST.json": b"{}"}, zipfile.ZIP_STORED)
    yield _npy()
    for content in (CALL, DATA):
        yield gzip.compress(content)
        yield zlib.compress(content)
        yield bz2.compress(content)
        yield lzma.compress(content, preset=0)
        yield lzma.compress(content, format=lzma.FORMAT_ALONE, preset=0)
    yield b"\x04\x22\x4d\x18" + bytes(16)
    yield b"\x28\xb5\x2f\xfd" + bytes(16)
    yield b"7z\xbc\xaf\x27\x1c" + bytes(32)


def _zip(members: dict[str, bytes], method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def _npy() -> bytes:
    """Make an array of objects: the header that numpy documents (NEP 1), then a pickle."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + DATA
