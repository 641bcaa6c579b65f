"""Tiny contents of our own, scanned once by the warm process so that everything a scan needs is imported by then.

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
BROKEN = b"\x80\x04}\x8c\xff"


def warm_up(jobs: Mapping[str, Callable[..., object]]) -> None:
    """Import everything, and run the scan and every view of *jobs* once, whatever their results."""
    formats.warm()
    for name in CODECS:
        codecs.lookup(name)
    for sample in samples():
        with contextlib.suppress(Exception):
            jobs["scan"](sample, Limits())
    request = {"member": None, "limit": 1_000, "places": (), "names": ()}
    for view in (job for kind, job in jobs.items() if kind != "scan"):
        view(CALL, Limits(), request, lambda _line: None)


def samples() -> Iterator[bytes]:
    """Make one small content for each path through the readers."""
    yield from (b"", b"text", CALL, DATA, BROKEN, CALL + DATA, b"(dp0\nS'a'\np1\nF1.5\ns.", b"cos\ngetcwd\n(tR.")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield _zip({"archive/data.pkl": DATA, "archive/version": b"3\n", "archive/data/0": bytes(8)}, method)
        yield _zip({"archive/data.pkl": CALL, "archive/näme": b"", "archive/code/__torch__.py": b"1"}, method)
    yield _tar({"pickle": CALL, "storages": DATA, "a/b.npy": _npy()})
    yield _zip({"a.npy": _npy(), "MAR-INF/MANIFEST.json": b"{}"}, zipfile.ZIP_STORED)
    yield _npy()
    for content in (CALL, DATA):
        yield gzip.compress(content)
        yield zlib.compress(content)
        yield bz2.compress(content)
        yield lzma.compress(content)
        yield lzma.compress(content, format=lzma.FORMAT_ALONE)
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
