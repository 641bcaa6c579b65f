"""Where the bytes of torch's storages lie: in members of an archive, behind five pickles, or within a pickle."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.torch_storages import MAGIC
from picklewatch.analysis.pickle.vm.values import Obj, Persistent
from picklewatch.analysis.rescue.byte_sources import ByteSources, NotSavedError
from picklewatch.analysis.rescue.keeper import walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle.report import Budget, Storage
    from picklewatch.analysis.pickle.vm.values import Value
    from picklewatch.analysis.rescue.byte_sources import ByteSource

_BEFORE = 2
"""Pickles between the magic number and the object: the version, the system's sizes (``_legacy_load`` in torch)."""
_COUNT = 8
"""Bytes before each storage that count its elements."""


class NamedStorages:
    """Storages by key, as *named* finds them, and those that lie in the pickle itself."""

    def __init__(
        self, sources: ByteSources, budget: Budget, named: Callable[[str], ByteSource | None], *, swap: bool = False
    ) -> None:
        self.swap = swap
        self._sources = sources
        self._budget = budget
        self._named = named
        self._inline: dict[int, tuple[Value, ByteSource]] = {}
        self._views: dict[tuple[str, int, int], ByteSource] = {}

    def find(self, held: Value) -> ByteSource:
        """Return the source of a storage; raises `NotSavedError`."""
        if type(held) is not Persistent:
            return self._within(held)
        if held.storage is None or (found := self._named(held.storage.key)) is None:
            raise NotSavedError(f"the file has no storage {held.storage.key[:100] if held.storage else ''}")
        view = held.pid[5] if isinstance(held.pid, tuple) and len(held.pid) > 5 else None  # noqa: PLR2004 - see storage_of
        return found if view is None else self._view(held.storage, found, view)

    def _view(self, storage: Storage, whole: ByteSource, view: Value) -> ByteSource:
        """Return a part of a storage that legacy files take for one of its own: ``(key, offset, size)``."""
        _key, offset, size = view if isinstance(view, tuple) and len(view) == 3 else (None, None, None)  # noqa: PLR2004
        each = storage.element_size
        if type(offset) is not int or type(size) is not int or each is None or min(offset, size) < 0:
            raise NotSavedError("its part of a storage can't be told")
        if (offset + size) * each > whole.size:
            raise NotSavedError("its part of a storage reaches beyond it")
        place = storage.key, offset, size
        if place not in self._views:
            self._views[place] = whole.part(offset * each, size * each)
        return self._views[place]

    def _within(self, held: Value) -> ByteSource:
        """Return the storage in the bytes that ``torch.storage._load_from_bytes`` is given."""
        known = self._inline.get(id(held))
        if known is None:
            given = held.args if type(held) is Obj else None
            content = self._sources.of_bytes(given[0]) if isinstance(given, tuple) and len(given) == 1 else None
            if content is None:
                raise NotSavedError("its storage can't be found")
            known = self._inline[id(held)] = held, self._loaded(content)
        return known[1]

    def _loaded(self, content: ByteSource) -> ByteSource:
        view = memoryview(content.load())
        first = walk(view, 0, self._budget)
        if first.result != MAGIC or not first.stopped:
            raise NotSavedError("its storage is not one that torch writes")
        value, found = legacy(content, view, first.position, self._budget)
        if type(value) is not Persistent or value.storage is None or value.storage.key not in found:
            raise NotSavedError("its storage can't be read")
        return found[value.storage.key]


def legacy(whole: ByteSource, view: memoryview, position: int, budget: Budget) -> tuple[Value, dict[str, ByteSource]]:
    """Read torch's legacy file behind its magic number: the object, and its storages by key.

    *view* are the bytes of *whole*. Raises `NotSavedError`.
    """
    for _ in range(_BEFORE):
        position = walk(view, position, budget).position
    main = walk(view, position, budget, persistent=True)
    keys = walk(view, main.position, budget)
    if not main.stopped or not keys.stopped:
        raise NotSavedError(f"the file breaks off within its pickles: {main.problem or keys.problem}")
    known = {storage.key: storage for storage in main.machine.persistent_ids.storages.values()}
    found: dict[str, ByteSource] = {}
    position = keys.position
    for key in keys.result if isinstance(keys.result, list | tuple) else ():
        storage = known.get(key) if isinstance(key, str) else None
        if storage is None or storage.element_size is None or position + _COUNT > len(view):
            break  # where the others begin can't be told
        (count,) = struct.unpack_from("<q", view, position)
        size = count * storage.element_size
        if count != storage.elements or position + _COUNT + size > len(view):
            break
        found[storage.key] = whole.part(position + _COUNT, size)
        position += _COUNT + size
    return main.result, found
