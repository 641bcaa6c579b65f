"""The records of a torch archive, compared with what its pickles declare of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import add, mul, sub
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import UNREAD, IndexKind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.formats.zipread import Member
    from picklewatch.analysis.pickle import PickleReport, Storage
    from picklewatch.analysis.pickle.report import Budget, IndexTable, Indices

    Records = Callable[[Storage], memoryview | None]
    """Gives the bytes of a storage, little-endian; None if they cannot be looked at."""


_PER_UNIT = 8
"""Numbers that are compared in the time of one opcode."""


@dataclass(slots=True, eq=False)
class Declared:
    """What the pickles of an archive say of its records; each with the pickle's name, in lower case."""

    storages: list[tuple[str, str, Storage]] = field(default_factory=list)
    """With the pickle's place, too."""
    indices: list[tuple[str, Indices]] = field(default_factory=list)
    """Bounds of sparse and nested tensors, which only the records tell."""

    def note(self, name: str, where: str, report: PickleReport) -> None:
        """Note what the pickle *name* at *where* declares."""
        self.storages.extend((name.lower(), where, storage) for storage in report.storages)
        self.indices.extend((name.lower(), indices) for indices in report.indices)


def compare(scan: Scan, declared: Declared, members: Sequence[Member], part: Part) -> None:
    """Compare the records of *members* with what the pickles declare of them."""
    _records(scan, declared, members)
    if declared.indices:
        _indices(scan, declared, members, part)


def _records(scan: Scan, declared: Declared, members: Iterable[Member]) -> None:
    """Compare the storages that the pickles declare with their records' sizes (CVE-2026-24747: read beyond the end)."""
    if not declared.storages:
        return
    sizes: dict[str, int] = {}
    for member in members:
        key = member.name.lower()
        sizes[key] = min(member.size, sizes.get(key, member.size))
    places: dict[str, tuple[tuple[str, str], ...]] = {}
    for name, inside, storage in declared.storages:
        if name not in places:
            places[name] = _record_places(name)
        size = next((sizes[f"{a}{storage.key}{b}"] for a, b in places[name] if f"{a}{storage.key}{b}" in sizes), None)
        needs = storage.elements * (storage.element_size or 0)
        if size is None:
            summary = f"The archive has no record for the storage {storage.key!r}: loading it fails."
            scan.finding("storage-missing", Level.UNSCANNABLE, inside, summary)
        elif needs > size and not (size == 0 and name.endswith("traced_inputs.pkl")):
            summary = f"The storage {storage.key!r} declares {needs} bytes, its record has {size}: loaders read beyond."
            scan.finding("storage-size-mismatch", Level.MALICIOUS, inside, summary)


def _indices(scan: Scan, declared: Declared, members: Sequence[Member], part: Part) -> None:
    """Look whether sparse and nested tensors stay within their sizes: their bounds are numbers in the records."""
    names = Counter(member.name.lower() for member in members)
    stored = {
        member.name.lower(): part.data[member.start : member.end]
        for member in members
        if not member.method and not member.flags & 1 and names[member.name.lower()] == 1
    }
    order = [data for name, data in stored.items() if name.rpartition("/")[2] == "byteorder"]
    little = all(bytes(data) == b"little" for data in order) and not any(
        name.rpartition("/")[2] == "byteorder" and name not in stored for name in names
    )
    for name, indices in declared.indices:

        def record(storage: Storage, name: str = name) -> memoryview | None:
            places = {f"{before}{storage.key}{behind}".lower() for before, behind in _record_places(name)}
            found = places & names.keys()  # of several, or a packed one, another may be the loader's
            return stored.get(found.pop()) if little and len(found) == 1 else None

        held = _within(indices, record, scan.budget)
        if held is None:
            scan.finding("tensor-out-of-bounds", Level.UNVERIFIED, indices.where, UNREAD)
        elif not held:
            summary = "a sparse or nested tensor has an index, a size or an offset beyond its bounds"
            scan.finding("tensor-out-of-bounds", Level.MALICIOUS, indices.where, summary)


def _record_places(name: str) -> tuple[tuple[str, str], ...]:
    """Return the texts before and behind a storage's key in its record's name, for the pickle *name* in lower case.

    ``data.pkl`` has ``data/<key>`` beside it (torch.serialization); another pickle of a TorchScript archive a
    directory of its own name or shares ``constants/`` and ``data/`` (torch/csrc/jit/serialization); a torch.package
    keeps all in ``.data/`` (torch.package.package_exporter).
    """
    directory = name.rpartition("/")[0]
    beside = f"{directory}/" if directory else ""
    root = f"{name.partition('/')[0]}/" if directory else ""
    own = f"{beside}data/" if name.rpartition("/")[2] == "data.pkl" else f"{name.rpartition('.')[0]}/"
    return ((own, ""), (f"{root}constants/", ""), (f"{root}data/", ""), (f"{root}.data/", ".storage"))


def _within(indices: Indices, records: Records, budget: Budget) -> bool | None:
    """Return True if every number of *indices* is within its bounds, None if they cannot be looked at."""
    numbers = [_numbers(table, records, budget) for table in indices.tables]
    rows = [each for each in numbers if each is not None]
    if len(rows) != len(numbers):
        return None
    if indices.kind is IndexKind.COORDINATES:
        return all(_below(row, limit) for row, limit in zip(rows[0], indices.limits, strict=True))
    if indices.kind is IndexKind.COMPRESSED:
        return _ascends(rows[0][0], indices) and _below(rows[1][0], indices.limits[0])
    return _parts_fit(rows[0], rows[1], rows[2][0], indices.limits[0])


def _numbers(table: IndexTable, records: Records, budget: Budget) -> list[memoryview] | None:
    """Return the rows of *table*; a table of one dimension is one row."""
    record = records(table.storage)
    if record is None:
        return None
    words = record[: len(record) // 8 * 8].cast("q")
    *outer, count = table.size
    *steps, step = table.stride
    rows = outer[0] if outer else 1
    if rows and count:
        budget.charge(rows + rows * count // _PER_UNIT)
        last = table.start + (rows - 1) * (steps[0] if steps else 0) + (count - 1) * step
        if last >= len(words) or not step:  # a step of 0 repeats one number: no writer makes that
            return None
    starts = [table.start + row * (steps[0] if steps else 0) for row in range(rows)]
    return [
        words[start : start + (count - 1) * step + 1 : step] if count else memoryview(b"").cast("q") for start in starts
    ]


def _below(numbers: memoryview, limit: int) -> bool:
    return not len(numbers) or (min(numbers) >= 0 and max(numbers) < limit)


def _ascends(pointers: memoryview, indices: Indices) -> bool:
    most, end = indices.limits
    if not len(pointers) or pointers[0] != 0 or pointers[-1] != end:
        return False
    return min(_steps(pointers), default=0) >= 0 and max(_steps(pointers), default=0) <= most


def _steps(pointers: memoryview) -> Iterator[int]:
    return map(sub, pointers[1:], pointers)


def _parts_fit(sizes: list[memoryview], strides: list[memoryview], offsets: memoryview, room: int) -> bool:
    for size, stride, offset in zip(sizes, strides, offsets, strict=True):
        if min(size, default=0) < 0 or min(stride, default=0) < 0 or offset < 0:
            return False
        end = offset + 1 + sum(map(mul, map(add, size, [-1] * len(size)), stride))
        if 0 not in size and end > room:
            return False
    return True
