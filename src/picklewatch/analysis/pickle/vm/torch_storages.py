"""The storage in bytes within a pickle: ``torch.storage._load_from_bytes`` gives them to ``torch.load``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.semantics.machine import Machine
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.values import Persistent, Value

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.report import Budget, Storage

MAGIC = 0x1950A86A20F9469CFC6C
"""torch.serialization.MAGIC_NUMBER, the value of the first pickle."""
_OPCODES = 2_000
"""Opcodes of each of these pickles up to which the storage is looked for: with more it is one that nobody knows, and a
tensor over it is ``tensor-out-of-bounds``."""
_BEFORE = 3
"""Pickles before the object's own: the magic number, the version, the system's byte order and sizes."""


def read_storage(content: bytes | memoryview, budget: Budget) -> Storage | None:
    """Return the storage in *content* if ``torch.save`` wrote it before its zip archives, else None."""
    start = 0
    value: Value = None
    for number in range(_BEFORE + 1):
        machine = Machine("", budget, persistent=True, arrays_inline=False, read_storage=_read_none)
        walk = Walk(content, start, machine)
        walk.limit = _OPCODES
        walk.run()
        if not walk.stopped or (number == 0 and walk.result != MAGIC):
            return None
        start, value = walk.position, walk.result
    return value.storage if type(value) is Persistent else None


def _read_none(content: bytes | memoryview, budget: Budget) -> None:
    """Find no storage: storages hold no storages, and a look at each level of nesting would never end."""
