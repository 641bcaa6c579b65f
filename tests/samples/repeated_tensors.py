"""Checkpoints of tensors that repeat each other, as ``torch.save`` writes them, and what makes others of them."""

from __future__ import annotations

import struct

from samples.opcodes import MARK, NONE, POP_MARK, get, global_

TENSORS = 15
FIRST = 300
"""The memo's first index of what follows: below 256 an entry is spelt in another way."""


class _Memo:
    """Spells puts and gets as one protocol's pickler does, and knows the next index."""

    def __init__(self, protocol: int) -> None:
        self.protocol = protocol
        self.next = 0
        self._known: dict[bytes, int] = {}

    def put(self) -> bytes:
        """Keep what is on the stack."""
        self.next += 1
        if self.protocol >= 4:
            return b"\x94"
        return b"r" + struct.pack("<I", self.next - 1)

    def once(self, value: bytes) -> bytes:
        """*value* the first time, its entry of the memo from then on."""
        if value in self._known:
            return get(self._known[value])
        self._known[value] = self.next
        return value + self.put()

    def index(self, value: bytes) -> int:
        """The entry of what `once` has kept."""
        return self._known[value]

    def text(self, value: str) -> bytes:
        """A text, as the protocol spells it."""
        head = b"\x8c" + bytes([len(value)]) if self.protocol >= 4 else b"X" + struct.pack("<I", len(value))
        return head + value.encode()


SHAPES = (b")", b"K\x02\x85", b"K\x02K\x03\x86", b"K\x01K\x02K\x03\x87", b"(K\x01K\x01K\x02K\x03t")


def checkpoint(protocol: int, trick: str = "") -> bytes:
    """A state_dict as ``torch.save`` writes it, with tied weights; *trick* is played when every shape was seen."""
    memo = _Memo(protocol)
    out = [b"\x80", bytes([protocol]), MARK, *(NONE + memo.put() for _ in range(FIRST)), POP_MARK]
    out += [memo.once(global_("collections", "OrderedDict")), b")R", memo.put(), MARK]
    for number in range(TENSORS):
        shape = SHAPES[number % len(SHAPES)]
        out += [memo.text(f"layer.{number}"), memo.put(), memo.once(global_("torch._utils", "_rebuild_tensor_v2"))]
        out += [b"((", memo.once(memo.text("storage")), memo.once(global_("torch", "FloatStorage"))]
        out += [memo.text(str(number)), memo.put(), memo.once(memo.text("cpu")), b"K\x20t", memo.put(), b"QK\0"]
        for _ in range(2):
            out += [shape] if shape == b")" else [shape, memo.put()]
        out += [b"\x89", memo.once(global_("collections", "OrderedDict")), b")R", memo.put(), b"t", memo.put()]
        out += [b"R", memo.put()]
        if number == 7:
            out.append(_played(trick, memo))
    out += [memo.text("tied"), memo.put(), get(memo.next - 2)]
    return b"".join([*out, b"u."])


TRICKS = ["another type", "a text", "state", "items", "storage", "part", "part by a text", "frame"]


def _played(trick: str, memo: _Memo) -> bytes:
    """What makes the tensors that follow, or one before, another thing than they look."""
    floats = memo.index(global_("torch", "FloatStorage"))
    known = {
        "another type": global_("torch", "DoubleStorage") + _put_as(floats) + b"0",
        "a text": memo.text("storages") + _put_as(memo.index(memo.text("storage"))) + b"0",
        "state": get(memo.next - 1) + b"}" + memo.text("a") + global_("os", "system") + b"sb0",
        "items": get(memo.next - 1) + memo.text("a") + global_("os", "system") + b"s0",
        "storage": MARK + memo.text("storage") + global_("torch", "DoubleStorage") + memo.text("9") + memo.text("cpu")
        + b"K\x01tQ0",
        "part": get(memo.next - 3) + b")R0",
        "part by a text": b"g%d\n)R0" % (memo.next - 3),
        "frame": b"\x95" + struct.pack("<Q", 64),
    }  # fmt: skip
    return known.get(trick, b"")


def _put_as(index: int) -> bytes:
    return b"r" + struct.pack("<I", index)
