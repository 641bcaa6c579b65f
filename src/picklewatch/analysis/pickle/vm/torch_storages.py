"""The storage that bytes within a pickle hold: ``_load_from_bytes`` gives them to ``torch.load``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.report import Storage
from picklewatch.analysis.pickle.vm.interpreter import Walk
from picklewatch.analysis.pickle.vm.values import Blob, Persistent, as_bytes

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.build import Machine

MAGIC = 0x1950A86A20F9469CFC6C
"""torch.serialization.MAGIC_NUMBER, the value of the first pickle."""
_OPCODES = 2_000
"""Opcodes of each of these pickles up to which the storage is looked for: with more it is one that nobody knows, and a
tensor over it is ``tensor-out-of-bounds``."""
_BEFORE = 3
"""Pickles before the object's own: the magic number, the version, what the system is like."""


def nested_storage(machine: Machine, args: object) -> Storage | None:
    """The storage that the bytes in *args* hold as ``torch.save`` wrote it before its zip archives, None if none."""
    content: bytes | memoryview | None = None
    if isinstance(args, tuple) and len(args) == 1:
        given = args[0]
        content = given.view() if isinstance(given, Blob) and not given.text else as_bytes(given)
    if content is None or machine.ahead:  # storages hold no storages; a look at each level of nesting would never end
        return None
    start, value = 0, None
    for number in range(_BEFORE + 1):
        reader = type(machine)("", machine.budget, persistent=True, arrays_inline=False)
        reader.ahead = True
        walk = Walk(content, start, reader)
        walk.limit = _OPCODES
        walk.run()
        if not walk.stopped or (number == 0 and walk.result != MAGIC):
            return None
        start, value = walk.position, walk.result
    return value.storage if type(value) is Persistent and type(value.storage) is Storage else None
