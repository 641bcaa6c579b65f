"""tar archives, as `tarfile` reads them: plain ones, torch's first format (0.1.1), NeMo's.

torch.load tries every file that is not a zip as a tar first (torch.serialization._legacy_load), and unpickles its
members ``storages``, ``tensors`` and ``pickle``.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from functools import partial
from typing import TYPE_CHECKING, Any

from picklewatch.engine import LimitReached, looks_like_pickle
from picklewatch.formats.base import Format, Malformed, Part, Scan
from picklewatch.formats.hidden import search
from picklewatch.formats.names import escapes
from picklewatch.formats.pickles import behind
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
_TORCH_MEMBERS = {"storages", "tensors", "pickle"}


class View(io.RawIOBase):
    """A memoryview as a file, without a copy."""

    def __init__(self, data: memoryview) -> None:
        super().__init__()
        self._data = data
        self._at = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to *offset*, which may lie beyond the end."""
        origin = (0, self._at, len(self._data))[whence]
        self._at = max(origin + offset, 0)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return what there is of *size* bytes: a header may ask for more than memory holds."""
        piece = bytes(self._data[self._at :] if size < 0 else self._data[self._at : self._at + size])
        self._at += len(piece)
        return piece


def matches(head: bytes, data: memoryview) -> bool:
    """Whether the first block is a tar header to `tarfile`: its checksum fits, spelt in octal or in binary."""
    if len(data) < BLOCK:
        return False
    block = head[:BLOCK]
    if block[:1] == block[148:149] == b"\0":
        return False
    try:
        return tarfile.nti(block[148:156]) in tarfile.calc_chksums(block)  # type: ignore[attr-defined]
    except tarfile.TarError:
        return False


def read(scan: Scan, part: Part) -> str:
    """Judge every member, links and names, and what follows the archive's end."""
    members: list[tarfile.TarInfo] = []
    name = "tar"
    try:
        with tarfile.open(fileobj=View(part.data), mode="r:") as archive:
            members.extend(_each(scan, archive, part))
            end = archive.offset
            name = _kind(members)
            for member in members:
                scan.guarded(part.name(member.name), partial(_member, scan, archive, part, member, name))
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        scan.code_bearing = True
        scan.finding("malformed-tar", Level.UNSCANNABLE, part.where, f"The tar archive is broken: {error}.")
        search(scan, part, place="in a broken archive")
        return name
    _finish(scan, members, name, part)
    _after(scan, part, end)
    return name


class _Chunks(io.RawIOBase):
    """An iterator of bytes as a file that can only be read on."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill *buffer* as far as one chunk goes."""
        target = memoryview(buffer).cast("B")
        self._left = self._left or next(self._chunks, b"")
        size = min(len(target), len(self._left))
        target[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def read_on(scan: Scan, part: Part, chunks: Iterator[bytes]) -> None:
    """Judge a compressed archive that is too large to be held: member after member, each as far as one may be held."""
    try:
        with tarfile.open(fileobj=io.BufferedReader(_Chunks(_counted(scan, chunks))), mode="r|") as archive:
            for member in archive:
                scan.member()
                inside = part.name(member.name)
                _note(scan, member, inside)
                if member.isreg():
                    source: Any = archive.extractfile(member)
                    scan.guarded(inside, partial(_read_on, scan, part, member, source))
    except (tarfile.TarError, OSError, ValueError, OverflowError, Malformed) as error:
        scan.finding("malformed-tar", Level.UNSCANNABLE, part.where, f"The tar archive is broken: {error}.")


def _counted(scan: Scan, chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        scan.unpacked(len(chunk))
        yield chunk


def _read_on(scan: Scan, part: Part, member: tarfile.TarInfo, source: Any) -> None:
    if member.size > scan.limits.member:
        raise LimitReached("limit-member", f"A member unpacks to more than {scan.limits.member} bytes.")
    scan.content(part.inside(member.name, source.read()))


def _each(scan: Scan, archive: tarfile.TarFile, part: Part) -> Iterator[tarfile.TarInfo]:
    while True:
        member = archive.next()
        if member is None:
            return
        scan.member()
        _note(scan, member, part.name(member.name))
        if member.isreg() and member.offset_data + member.size > len(part.data) and not member.issparse():
            scan.code_bearing = True
            summary = "The member reaches beyond the end of the archive."
            scan.finding("malformed-tar", Level.UNSCANNABLE, part.name(member.name), summary)
        yield member


def _note(scan: Scan, member: tarfile.TarInfo, inside: str) -> None:
    """Note names and links that lead elsewhere, and special files."""
    if escapes(member.name):
        scan.code_bearing = True
        summary = "The member's name leads out of the directory that it is unpacked to."
        scan.finding("archive-unsafe-name", Level.UNSAFE, inside, summary)
    if member.issym() or member.islnk():
        base = posixpath.dirname(member.name) if member.issym() else ""
        if escapes(posixpath.join(base, member.linkname)):
            scan.code_bearing = True
            summary = "The link leads out of the directory that the archive is unpacked to."
            scan.finding("archive-unsafe-link", Level.UNSAFE, inside, summary, member.linkname)
        else:
            scan.finding("archive-link", Level.INFO, inside, "The member is a link to another one.", member.linkname)
    elif not (member.isreg() or member.isdir()):
        scan.code_bearing = True
        scan.finding("archive-special-file", Level.UNSAFE, inside, "The member is a device or a pipe.")


def _kind(members: list[tarfile.TarInfo]) -> str:
    names = {member.name.removeprefix("./") for member in members}
    if names >= {"storages", "pickle"} or names >= {"pickle", "tensors"}:
        return "torch-tar"
    if "MAR-INF/MANIFEST.json" in names:
        return "mar"
    if any(name.endswith("model_config.yaml") for name in names):
        return "nemo"
    return "tar"


def _member(scan: Scan, archive: tarfile.TarFile, part: Part, member: tarfile.TarInfo, kind: str) -> None:
    if not member.isreg():
        return
    if member.issparse():
        source: Any = archive.extractfile(member)
        held = scan.unpack(iter(lambda: source.read(1 << 20), b""), part.name(member.name)) or memoryview(b"")
    else:
        held = part.data[member.offset_data : member.offset_data + member.size]
    inside = part.inside(member.name, held)
    if kind == "torch-tar" and member.name.removeprefix("./") in _TORCH_MEMBERS:
        _torch(scan, inside)
    else:
        scan.content(inside)


def _torch(scan: Scan, part: Part) -> None:
    """Judge a member of torch's first format: pickles with raw numbers between them."""
    if not len(part.data):
        return
    position = scan.pickle(part, persistent=True, arrays=False).end
    for _ in range(scan.limits.members):
        if position >= len(part.data) or not looks_like_pickle(part.data, position):
            break
        position = scan.pickle(part, position, persistent=True, arrays=False).end
    if position < len(part.data):
        behind(scan, part, position, place="behind the pickles that torch reads")


def _finish(scan: Scan, members: list[tarfile.TarInfo], name: str, part: Part) -> None:
    python = next((member.name for member in members if member.isreg() and member.name.endswith((".py", ".pyc"))), "")
    if name == "mar" and python:
        summary = "A TorchServe model archive brings Python code of its own, which its loader imports."
        scan.finding("code-bearing-archive", Level.UNSAFE, part.name(python), summary, python)


def _after(scan: Scan, part: Part, end: int) -> None:
    """Judge what follows the end-of-archive blocks; zeros are padding."""
    data = part.data
    start = end = max(end, 0)  # a header may ask for less than nothing
    while start < len(data):
        block = bytes(data[start : start + (1 << 16)])
        stripped = block.lstrip(b"\0")
        if stripped:
            start += len(block) - len(stripped)
            break
        start += len(block)
    if start < len(data):
        start -= start % BLOCK
        if start == end:
            scan.code_bearing = True
            summary = "The archive stops in the middle: what follows its last member is no header."
            scan.finding("malformed-tar", Level.UNSCANNABLE, part.at(start), summary)
        scan.finding("trailing-data", Level.INFO, part.at(start), f"{len(data) - start} bytes follow the archive.")
        if matches(bytes(data[start : start + BLOCK]), data[start:]):
            rest = part.behind(start)
            scan.guarded(rest.where, lambda: scan.content(rest))
        else:
            behind(scan, part, start, place="behind the end of an archive")


FORMATS = (Format("tar", matches, read),)
