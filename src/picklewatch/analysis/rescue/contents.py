"""The value that a loader would return for a file, as the engine sees it, and where the bytes of its tensors lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.analysis.formats import zip_members
from picklewatch.analysis.formats.codecs import COSTS
from picklewatch.analysis.formats.context import HEAD
from picklewatch.analysis.formats.numpy_files import MAGIC as ARRAY
from picklewatch.analysis.formats.numpy_files import header
from picklewatch.analysis.formats.numpy_literals import parse
from picklewatch.analysis.formats.part import MalformedError
from picklewatch.analysis.formats.streams import codec_of, content_of
from picklewatch.analysis.formats.zipread import LOCAL, archives
from picklewatch.analysis.pickle.vm.torch_storages import MAGIC
from picklewatch.analysis.rescue.arrays import array
from picklewatch.analysis.rescue.byte_sources import ByteSource, ByteSources, NotSavedError
from picklewatch.analysis.rescue.keeper import walk
from picklewatch.analysis.rescue.storages import NamedStorages, legacy
from picklewatch.core.rescue_plan import room

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from picklewatch.analysis.formats.zipread import Member
    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.interpreter import Walk
    from picklewatch.analysis.rescue.tensors import Storages, Tensor

    Left = Callable[[str, str], None]

_MAIN = re.compile(r"(?:^|/)data\.pkl$", re.IGNORECASE)
_FOLDERS = ("data/", "constants/", "")
"""Where torch's readers look for a storage, below the folder of ``data.pkl``."""
_ARRAYS = ".npy"
_STREAMS = 4
"""Compressed streams within each other."""


class LoadedValue(NamedTuple):
    """What a file holds."""

    value: object
    """Values of the engine, and tensors."""
    storages: Storages


class Reader:
    """Reads one file."""

    def __init__(self, data: memoryview, budget: Budget, left: Left) -> None:
        self.sources = ByteSources()
        self._data = data
        self._budget = budget
        self._left = left

    def read(self) -> LoadedValue:
        """Return the content of the file; raises `NotSavedError` if there is none that is known."""
        return self._content(ByteSource(len(self._data), 0, lambda: self._data), _STREAMS)

    def _content(self, source: ByteSource, streams: int) -> LoadedValue:
        data = self.sources.view(source)
        head = bytes(data[:HEAD])
        if head.startswith(LOCAL):
            return self._zip(source, data)
        if head.startswith(ARRAY):
            return LoadedValue(self._array(source, data), self._none())
        stream = codec_of(head, data) if streams else None
        if stream is not None:
            unpacked = memoryview(self._unpacked(*stream, data)).toreadonly()
            return self._content(ByteSource(len(unpacked), None, lambda: unpacked), streams - 1)
        return self._pickle(source, data)

    def _none(self) -> NamedStorages:
        return NamedStorages(self.sources, self._budget, lambda _key: None)

    def _unpacked(self, codec: str, start: int, data: memoryview) -> bytearray:
        most = self._budget.limits.member
        held = bytearray()
        try:
            for chunk in content_of(codec, data, start, self._budget.charge):
                self._budget.charge(len(chunk) // COSTS[codec].per_unit)
                held += chunk
                if len(held) > most:
                    raise NotSavedError(f"its compressed content is larger than {most} bytes (scan.limits.member)")
        except MalformedError as error:
            self._left("", f"the compressed content breaks off: {error}")
        return held

    # --- archives ---------------------------------------------------------------------------------------------------

    def _zip(self, source: ByteSource, data: memoryview) -> LoadedValue:
        """Read torch's archive, or numpy's."""
        found = next(iter(archives(data, self._budget.charge)), None)
        if found is None:
            raise NotSavedError("the archive has no directory")
        members: dict[str, Member] = {}
        for member in found.members:
            if member.local:
                continue
            if member.name in members:
                self._left(member.name, "two members have this name: the last one is taken")
            members[member.name] = member
        mains = sorted((name for name in members if _MAIN.search(name)), key=lambda name: name.count("/"))
        for other in mains[1:]:
            self._left(other, "another pickle of the archive")
        if mains:
            return self._torch_zip(source, data, members, mains[0])
        return LoadedValue(self._npz(source, data, members), self._none())

    def _torch_zip(self, source: ByteSource, data: memoryview, members: dict[str, Member], main: str) -> LoadedValue:
        root = main[: -len("data.pkl")]
        folded = {name.lower(): member for name, member in members.items()}
        known: dict[str, ByteSource | None] = {}

        def named(key: str) -> ByteSource | None:
            if key not in known:
                names = [root + folder + key for folder in _FOLDERS]
                member = next((members[name] for name in names if name in members), None)
                # miniz compares without case
                member = member or next((folded[name.lower()] for name in names if name.lower() in folded), None)
                known[key] = None if member is None else self._member(source, data, member)
            return known[key]

        order = members.get(root + "byteorder")
        big = order is not None and bytes(self._member(source, data, order).load()) == b"big"
        view = self.sources.view(self._member(source, data, members[main]))
        result = self._whole(walk(view, 0, self._budget, persistent=True)).result
        if any(name.startswith(root + "constants/") for name in members):
            self._left("", "constants of the script's code, which are not among its parameters")
        return LoadedValue(result, NamedStorages(self.sources, self._budget, named, swap=big))

    def _npz(self, source: ByteSource, data: memoryview, members: dict[str, Member]) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, member in members.items():
            if not name.endswith(_ARRAYS):
                self._left(name, "no array")
                continue
            try:
                held = self._member(source, data, member)
                found[name.removesuffix(_ARRAYS)] = self._array(held, memoryview(held.load()))
            except NotSavedError as error:
                self._left(name.removesuffix(_ARRAYS), str(error))
        return found

    def _member(self, source: ByteSource, data: memoryview, member: Member) -> ByteSource:
        """Return the content of a member; raises `NotSavedError`."""
        if member.method == zip_members.STORED:
            if member.packed != member.size or member.end > len(data):
                raise NotSavedError("its member of the archive is not as large as the archive says")
            return source.part(member.start, member.size)
        packed = data[member.start : member.end]
        if member.size > room(len(self._data)):
            raise NotSavedError(f"its member of the archive would unpack to {member.size} bytes")
        self._check(packed, member)
        return self.sources.unpacked(member.size, member, lambda: self._held(packed, member))

    def _held(self, packed: memoryview, member: Member) -> memoryview:
        held = bytearray()
        for chunk in self._chunks(packed, member):
            held += chunk
        return memoryview(held).toreadonly()

    def _check(self, packed: memoryview, member: Member) -> None:
        """Unpack a member without keeping it: the plan's numbers must hold."""
        size = 0
        cost = zip_members.cost_of(member)
        self._budget.charge(0 if cost is None else int(cost.per_byte * len(packed)))
        try:
            for chunk in self._chunks(packed, member):
                self._budget.charge(0 if cost is None else len(chunk) // cost.per_unit)
                size += len(chunk)
                if size > member.size:
                    break
        except MalformedError as error:
            raise NotSavedError(f"its member of the archive can't be unpacked: {error}") from None
        if size != member.size:
            raise NotSavedError("its member of the archive is not as large as the archive says")

    def _chunks(self, packed: memoryview, member: Member) -> Iterable[bytes]:
        stream = zip_members.stream_of(packed, member)
        if stream is None:
            raise NotSavedError(f"its member's compression {member.method} is not read")
        return stream.chunks()

    # --- single values ----------------------------------------------------------------------------------------------

    def _array(self, source: ByteSource, data: memoryview) -> Tensor:
        """Read a ``.npy``."""
        try:
            start = header(data, self._budget.charge).start
            begin = 10 if data[6] == 1 else 12
            declared = parse(bytes(data[begin:start]).decode("latin-1"))
        except MalformedError as error:
            raise NotSavedError(str(error)) from None
        assert isinstance(declared, dict)
        spelling = declared["descr"] if isinstance(declared["descr"], str) else ""
        return array(
            spelling, declared["shape"], declared["fortran_order"] is True, source.part(start, source.size - start)
        )

    def _pickle(self, source: ByteSource, data: memoryview) -> LoadedValue:
        """Read a bare pickle, joblib's with arrays in between, or torch's legacy file."""
        first = walk(data, 0, self._budget, arrays=True)
        if type(first.result) is int and first.result == MAGIC:
            value, found = legacy(source, data, first.position, self._budget)
            return LoadedValue(value, NamedStorages(self.sources, self._budget, found.get))
        self._whole(first)
        if first.position < len(data):
            self._left("", f"{len(data) - first.position} bytes behind the pickle")
        return LoadedValue(first.result, self._none())

    def _whole(self, walked: Walk) -> Walk:
        if not walked.stopped:
            why = walked.problem or "it is too long"
            raise NotSavedError(f"it is no file of weights that is known, or its pickle breaks off: {why}")
        return walked
