"""Torch's legacy file: five pickles, then the storages as raw bytes.

Mirrors torch/serialization.py, ``_legacy_load``, which calls ``pickle.load`` for each of the five and then reads the
storages by the keys in the fifth. Scanners that stop behind the first pickle see only the magic number; and the end of
the storages must be known, because bytes behind it are read by nobody and can hide a payload.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.pickle import PickleReport, Storage

_OBJECT, _KEYS, _PICKLES = 3, 4, 5
"""Positions among: magic number, protocol version, system information, object, storage keys."""


def read(scan: Scan, part: Part, position: int) -> int:
    """Judge the file behind the magic number, which ends at *position*; return the end of the storages.

    If that can't be known, it is the end of the data: torch fails there.
    """
    reports: dict[int, PickleReport] = {}
    for index in range(1, _PICKLES):
        if position >= len(part.data):
            summary = f"The file ends after {index} of the five pickles of torch's legacy format."
            scan.finding("malformed-torch-legacy", Level.UNSCANNABLE, part.at(position), summary)
            return position
        report = reports[index] = scan.pickle(part, position, persistent=True, arrays=False)
        position = report.end
        if not report.stopped:
            search(scan, part, position, place="behind a pickle that breaks off")
            return len(part.data)
    storages = {storage.key: storage for storage in reports[_OBJECT].storages}
    end = _storages(scan, part, position, storages, reports[_KEYS].value)
    search(scan, part, position, min(end, position + (1 << 20)), place="in the storages")
    return end


def _storages(scan: Scan, part: Part, position: int, storages: dict[str, Storage], keys: object) -> int:
    """Step over the storages in the order of *keys*, each a count of elements and its bytes; return their end.

    If that can't be known, it is the end of the data (torch/csrc/serialization.cpp). Keys that are no list belong to no
    storage: the bytes that follow are none either.
    """
    for key in keys if isinstance(keys, list | tuple) else ():
        storage = storages.get(str(key))
        if storage is None or storage.element_size is None:
            return len(part.data)
        if position + 8 > len(part.data):
            summary = f"The file ends before the storage {storage.key!r}."
            scan.finding("malformed-torch-legacy", Level.UNSCANNABLE, part.at(position), summary)
            return len(part.data)
        (count,) = struct.unpack_from("<q", part.data, position)
        if count != storage.elements:
            summary = f"The storage {storage.key!r} declares {storage.elements} elements, the file says {count}."
            scan.finding("malformed-torch-legacy", Level.UNSCANNABLE, part.at(position), summary)
            return len(part.data)
        position += 8 + count * storage.element_size
        if position > len(part.data):
            summary = f"The storage {storage.key!r} reaches beyond the end of the file."
            scan.finding("malformed-torch-legacy", Level.UNSCANNABLE, part.at(position), summary)
            return len(part.data)
    return position
