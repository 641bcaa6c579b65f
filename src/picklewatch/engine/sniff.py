"""Whether bytes look like a pickle, cheaply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.engine.report import Budget, LimitReached

if TYPE_CHECKING:
    from picklewatch.engine.report import Buffer

_OPCODES = frozenset(b"(.0123FIJKLMNPQRSTUVXabcde]lghijopqrstu})GBC") | frozenset(range(0x80, 0x99))
_AFTER_PROTO = _OPCODES - frozenset(b"01abeosutRQ")
_FIRST = frozenset(b"(]})cFGIJKLMNPSTUVXBC") | frozenset(range(0x80, 0x99)) - frozenset(
    {0x81, 0x85, 0x86, 0x87, 0x90, 0x92, 0x93, 0x94}
)
_NEWEST = 5
_SNIFFED_OPCODES = 2_000


def looks_like_pickle(data: Buffer, start: int) -> bool:
    """Whether a pickle may begin at *start*.

    Protocol 2 and later: by its header and the opcode after it. Protocols 0 and 1 have no header: by a walk over
    the first opcodes that must reach STOP, an import or a good stretch of them.
    """
    size = len(data)
    if start + 1 >= size:
        return False
    first, second = data[start], data[start + 1]
    if first == 0x80:
        return second <= _NEWEST and (start + 2 >= size or data[start + 2] in _AFTER_PROTO)
    if first not in _FIRST:
        return False
    return _walks(data, start)


def _walks(data: Buffer, start: int) -> bool:
    from picklewatch.engine.judge import plausible
    from picklewatch.engine.machine import Machine
    from picklewatch.engine.walk import Walk

    machine = Machine("", Budget(opcodes_left=_SNIFFED_OPCODES * 2), persistent=True, arrays_inline=False)
    walk = Walk(data, start, machine)
    walk.limit = _SNIFFED_OPCODES
    try:
        walk.run()
    except LimitReached:
        return True
    if any(plausible(imported.module, imported.name) for imported in machine.imports.values()):
        return True
    shortest = 2
    if walk.stopped and walk.opcodes <= shortest:  # None, or any two letters; a pickle with a header may follow
        return bytes(data[walk.position : walk.position + 1]) == b"\x80" and looks_like_pickle(data, walk.position)
    return walk.opcodes >= walk.limit or walk.stopped
