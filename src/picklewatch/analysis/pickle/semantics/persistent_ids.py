"""Persistent ids: objects that are not in the pickle, such as torch's storages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import torch_tensors
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Import, Persistent
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Storage
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value


class PersistentIds:
    """The persistent ids of one walk, and the storages that they name."""

    def __init__(self, observations: Observations, *, of_torch: bool) -> None:
        self._observations = observations
        self._of_torch = of_torch
        """True if the loader is torch's, for which each id names a storage."""
        self.storages: dict[str, Storage] = {}
        """By key, in order of first appearance."""

    def persistent_id(self, pid: Value, offset: int) -> Import | Persistent:
        """Return the object of BINPERSID or PERSID."""
        self._observations.budget.charge(_PER_ID)
        storage = torch_tensors.storage_of(pid)
        if storage is not None:
            return self._storage(pid, storage, offset)
        if isinstance(pid, tuple) and len(pid) > 1 and pid[0] == "module" and isinstance(pid[1], Import):
            return pid[1]  # torch legacy: a class beside its source text, which is only compared
        if self._of_torch:
            self._observations.finding(
                "unusual-persistent-id",
                Level.UNSAFE,
                offset,
                "a persistent id is not one of a torch storage",
                render(pid, 200),
            )
        else:
            self._needs_loader(offset, pid)
        return Persistent(pid)

    def _needs_loader(self, offset: int, pid: Value) -> None:
        if "persistent-id" in self._observations.reported:
            return
        summary = "refers to objects that only a loader of its own could supply; pickle.load stops here"
        self._observations.once("persistent-id", Level.UNVERIFIED, offset, summary, render(pid, 200))

    def _storage(self, pid: Value, storage: Storage, offset: int) -> Persistent:
        if storage.elements < 0:
            self._observations.finding(
                "tensor-out-of-bounds",
                Level.MALICIOUS,
                offset,
                "a storage declares an impossible size",
                render(pid, 200),
            )
        if storage.element_size is None:
            self._observations.finding(
                "unusual-persistent-id",
                Level.UNSAFE,
                offset,
                "a storage is of a class whose elements have no known size, so its own can't be checked",
                render(pid, 200),
            )
        known = self.storages.setdefault(storage.key, storage)
        if known is not storage and (known.kind != storage.kind or known.elements != storage.elements):
            self._storage_twice(known, storage, pid, offset)
        if not self._of_torch:
            self._needs_loader(offset, pid)
        return Persistent(pid, storage)

    def _storage_twice(self, known: Storage, storage: Storage, pid: Value, offset: int) -> None:
        """Report a storage of two sizes: torch loads a record once and takes the first declaration's size for all."""
        one, two = known.element_size, storage.element_size
        if one is None or two is None or known.elements * one != storage.elements * two:
            self._observations.finding(
                "tensor-out-of-bounds",
                Level.MALICIOUS,
                offset,
                f"storage {storage.key[:40]!r} is declared twice with different sizes",
                render(pid, 200),
            )


_PER_ID = 5
"""Units of work that a persistent id costs."""
