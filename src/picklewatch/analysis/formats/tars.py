"""tar archives, as `tarfile` reads them: plain ones, torch's first format (0.1.1), NeMo's.

torch.load tries every file that is not a zip as a tar first (torch/serialization.py, ``_legacy_load``), and unpickles
its members ``storages``, ``tensors`` and ``pickle``. Lib/tarfile.py finds a header by its checksum alone, whatever the
file looks like. Names and links that lead out of the directory overwrite files when the archive is extracted
(CVE-2007-4559; NeMo and TorchServe extract models).
"""

from __future__ import annotations

import tarfile
from functools import partial
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.archive_links import ArchiveLinks
from picklewatch.analysis.formats.context import Format, Scan
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.member_names import escapes
from picklewatch.analysis.formats.part import CHUNK, MalformedError, Part
from picklewatch.analysis.formats.pickles import PICKLE, behind, step_over
from picklewatch.analysis.formats.tar_headers import BLOCK, Headers, TarMember, content
from picklewatch.analysis.formats.unpacking import counted, unpack
from picklewatch.analysis.pickle import looks_like_pickle
from picklewatch.analysis.sparse import skip_zeros
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COPIED = 1024
"""Bytes of a sparse file that are joined in the time of one unit of work."""
_TORCH_MEMBERS = {"storages", "tensors", "pickle"}


class _View:
    """The bytes of an archive in memory."""

    def __init__(self, data: memoryview) -> None:
        self._data = data

    def piece(self, offset: int, size: int) -> bytes:
        """Return up to *size* bytes at *offset*."""
        return bytes(self._data[offset : offset + size])


class _Window:
    """The bytes of an archive as an iterator that is read once, from front to back."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""
        self._begin = 0
        """Offset of the bytes in memory."""

    def piece(self, offset: int, size: int) -> bytes:
        """Return up to *size* bytes at *offset*; bytes before it are dropped."""
        if offset < self._begin:
            raise MalformedError("The tar archive leads back to what was read before.")
        parts = [self._held]
        end = self._begin + len(self._held)
        while end < offset + size and (chunk := next(self._chunks, b"")):
            if end <= offset:
                parts, self._begin = [], end
            parts.append(chunk)
            end += len(chunk)
        held = b"".join(parts)
        skipped = min(max(offset - self._begin, 0), len(held))
        self._begin += skipped
        self._held = held[skipped:]
        return self._held[:size]

    def rest(self, offset: int) -> Iterator[bytes]:
        """Yield all from *offset* on."""
        while piece := self.piece(offset, CHUNK):
            yield piece
            offset += len(piece)


def matches(head: bytes, data: memoryview) -> bool:
    """Return True if the first block is a header to `tarfile`: its checksum fits, in octal or in binary."""
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
    """Judge every member, links and names, and the bytes behind the archive's end."""
    headers = Headers(_View(part.data), scan.budget.charge)
    members: list[TarMember] = []
    links = ArchiveLinks(scan.budget.charge)
    whole = False

    def take() -> None:
        nonlocal whole
        for member in headers.entries():
            members.append(member)
            _listed(scan, part, member, links)
            scan.member()
        whole = True

    _as_far(scan, part, take)
    name = _kind(members)
    for member in sorted(members, key=lambda member: not _is_torch(member, name)):  # first those that torch unpickles
        inside = part.name(member.name)
        scan.guarded(inside, partial(_member, scan, part, member, name), partial(_bytes, part, member))
    _finish(scan, members, name, part)
    if whole:
        _after(scan, part, headers.offset)
    else:
        search(scan, part, headers.offset, place="in a broken archive")
    return name


def _as_far(scan: Scan, part: Part, take: Callable[[], None]) -> None:
    """List the members before a broken header or a limit: they are judged all the same."""

    def work() -> None:
        try:
            take()
        except MalformedError as error:
            scan.code_bearing = True
            scan.finding("malformed-tar", Level.UNSCANNABLE, part.where, str(error))

    scan.guarded(part.where, work)


def read_on(scan: Scan, part: Part, chunks: Iterator[bytes], per_unit: int) -> None:
    """Judge a compressed archive that is too large for memory: member after member, each up to the limit."""
    window = _Window(counted(scan, chunks, per_unit))
    headers = Headers(window, scan.budget.charge)
    links = ArchiveLinks(scan.budget.charge)

    def take() -> None:
        for member in headers.entries():
            scan.member()
            _note(scan, member, part.name(member.name), links)
            if member.regular:
                scan.guarded(part.name(member.name), partial(_read_on, scan, part, member, window))
        rest = unpack(scan, window.rest(headers.offset), part.where)
        if rest is not None and bytes(rest).strip(b"\0"):
            behind(scan, part._replace(data=rest), 0, place="behind the end of an archive")

    _as_far(scan, part, take)


def _read_on(scan: Scan, part: Part, member: TarMember, window: _Window) -> None:
    held = unpack(scan, content(window, member, scan.budget.charge), part.name(member.name))
    if held is not None:
        scan.content(part.inside(member.name, held))


def _listed(scan: Scan, part: Part, member: TarMember, links: ArchiveLinks) -> None:
    _note(scan, member, part.name(member.name), links)
    if member.regular and member.sparse is None and member.start + member.size > len(part.data):
        scan.code_bearing = True
        summary = "The member reaches beyond the end of the archive."
        scan.finding("malformed-tar", Level.UNSCANNABLE, part.name(member.name), summary)


def _note(scan: Scan, member: TarMember, inside: str, links: ArchiveLinks) -> None:
    """Report names and links that lead elsewhere, and special files."""
    if escapes(member.name):
        scan.code_bearing = True
        summary = "The member's name leads out of the directory that it is unpacked to."
        scan.finding("archive-unsafe-name", Level.UNSAFE, inside, summary)
    is_link = member.kind in (tarfile.SYMTYPE, tarfile.LNKTYPE)
    if links.leads_out(member):
        scan.code_bearing = True
        summary = (
            "The link leads out of the directory that the archive is unpacked to."
            if is_link
            else "The member is written through a link that leads out of the directory."
        )
        scan.finding("archive-unsafe-link", Level.UNSAFE, inside, summary, member.link)
    elif is_link:
        scan.finding("archive-link", Level.INFO, inside, "The member is a link to another one.", member.link)
    elif member.kind not in (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE):
        scan.code_bearing = True
        scan.finding("archive-special-file", Level.UNSAFE, inside, "The member is a device or a pipe.")


def _kind(members: list[TarMember]) -> str:
    names = {member.name.removeprefix("./") for member in members}
    if names >= {"storages", "pickle"} or names >= {"pickle", "tensors"}:
        return "torch-tar"
    if "MAR-INF/MANIFEST.json" in names:
        return "mar"
    if any(name.endswith("model_config.yaml") for name in names):
        return "nemo"
    return "tar"


def _is_torch(member: TarMember, kind: str) -> bool:
    return kind == "torch-tar" and member.name.removeprefix("./") in _TORCH_MEMBERS


def _bytes(part: Part, member: TarMember) -> Iterator[memoryview]:
    """Yield the member's bytes as they are stored, for the last look."""
    size = member.size if member.sparse is None else sum(size for _, size in member.sparse)
    return Part(part.data[member.start : member.start + max(size, 0)]).chunks()


def _member(scan: Scan, part: Part, member: TarMember, kind: str) -> None:
    if not member.regular:
        return
    if member.sparse is None:
        held = part.data[member.start : member.start + member.size]
    else:
        chunks = content(_View(part.data), member, scan.budget.charge)
        held = unpack(scan, chunks, part.name(member.name), per_unit=_COPIED) or memoryview(b"")
    inside = part.inside(member.name, held)
    if _is_torch(member, kind):
        _torch(scan, inside)
    else:
        scan.content(inside)


def _torch(scan: Scan, part: Part) -> None:
    """Judge a member of torch's first format: pickles with raw numbers between them."""
    if not len(part.data):
        return
    position = step_over(scan, part, scan.pickle(part, persistent=True, arrays=False).end)
    while position < len(part.data) and looks_like_pickle(part.data, position, scan.budget):
        scan.budget.charge(PICKLE)
        position = step_over(scan, part, scan.pickle(part, position, persistent=True, arrays=False).end)
    if position < len(part.data):
        behind(scan, part, position, place="behind the pickles that torch reads")


def _finish(scan: Scan, members: list[TarMember], name: str, part: Part) -> None:
    python = next((member.name for member in members if member.regular and member.name.endswith((".py", ".pyc"))), "")
    if name == "mar" and python:
        summary = "A TorchServe model archive brings Python code of its own, which its loader imports."
        scan.finding("code-bearing-archive", Level.UNSAFE, part.name(python), summary, python)


def _after(scan: Scan, part: Part, end: int) -> None:
    """Judge the bytes behind the end-of-archive blocks; zeros are padding."""
    data = part.data
    end = max(end, 0)  # a header may ask for less than nothing
    start = skip_zeros(data, end)
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
