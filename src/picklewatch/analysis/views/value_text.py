"""Values of the walk as a person reads them: short, and the results of calls by a name of their own (``v1``)."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.render import Renderer, shown
from picklewatch.analysis.pickle.vm.values import LIST_CAP, Blob, Import, Obj, Opaque, OpaqueKind, Persistent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from picklewatch.analysis.pickle import Buffer
    from picklewatch.analysis.pickle.vm.values import Key, Value

TEXT: Final = 240
"""Characters of one value's text."""
_EXCERPT: Final = 4 * TEXT
"""Bytes at each end of a long constant that are looked at."""
_COMPOUND: Final = (tuple, list, dict, Obj, Persistent)
_FILLED: Final = frozenset({OpaqueKind.SET, OpaqueKind.FROZENSET, OpaqueKind.BYTEARRAY})


class ValueText(Renderer):
    """Writes values in at most `TEXT` characters, and counts what it leaves out.

    The walk keeps of a container what a verdict needs: no numbers in sets, no order under unusual keys. *dropped* is
    its count of numbers that long lists lack; `filled` has the first items of what else would be shown wrongly.
    """

    items = 12
    depth = 20

    def __init__(self, dropped: Mapping[int, tuple[int, object]]) -> None:
        super().__init__()
        self._dropped = dropped
        self.results: dict[int, int] = {}
        """The numbers of calls' results by the offset of the call."""
        self._filled: dict[int, tuple[object, list[Value], int]] = {}
        """By a set's identity: itself, its first items, and how many it has."""
        self._set: dict[int, tuple[object, list[tuple[Value, Value]], int]] = {}
        """The same for dictionaries; the items are pairs."""

    def value(self, value: Value, limit: int = TEXT) -> str:
        """Write *value* in at most *limit* characters, cut in the middle."""
        self._left = limit
        return clip(self.part(value, self.depth), limit)

    def items_of(self, flat: list[Value]) -> str:
        """Write keys and values that follow each other in *flat*."""
        pairs = islice(zip(flat[::2], flat[1::2], strict=False), self.items)
        return _joined((f"{self.value(key)}: {self.value(value)}" for key, value in pairs), len(flat) // 2)

    def arguments(self, args: Value) -> str:
        """Write *args* as they would stand between a call's parentheses."""
        if not isinstance(args, tuple | list):
            return f"*{self.value(args)}"
        return _joined(map(self.value, args[: self.items]), len(args))

    def filled(self, container: object, items: Iterable[Value], count: int) -> None:
        """Remember that the set *container* was given *count* items, the first of which are *items*."""
        _, first, before = self._filled.get(id(container), (container, [], 0))
        first += islice(items, self.items - len(first))
        self._filled[id(container)] = container, first, before + count

    def set_items(self, container: object, flat: list[Value]) -> None:
        """Remember that the dictionary *container* was given the keys and values that follow each other in *flat*."""
        _, first, before = self._set.get(id(container), (container, [], 0))
        first += islice(zip(flat[::2], flat[1::2], strict=False), self.items - len(first))
        self._set[id(container)] = container, first, before + len(flat) // 2

    def leaf(self, value: Value) -> str | None:
        """Write constants by both their ends, imports in full, results by their names."""
        text = None
        if type(value) is int:
            text = shown(value)
        elif isinstance(value, str | bytes):
            text = constant(value)
        elif isinstance(value, Obj) and value.offset in self.results:
            text = f"v{self.results[value.offset]}"
        elif isinstance(value, Import):
            text = clip(value.key, TEXT)
        elif isinstance(value, Blob):
            text = excerpt(value.data, value.start, value.end, text=value.text)
        elif isinstance(value, Opaque) and value.kind is OpaqueKind.BUFFER:
            text = "<out-of-band buffer>"
        elif not (isinstance(value, _COMPOUND) or (isinstance(value, Opaque) and value.kind in _FILLED)):
            text = super().leaf(value)
        return text

    def compound(self, value: Value, depth: int) -> str:
        """Write sets with their items, and persistent ids."""
        if isinstance(value, Persistent):
            return clip(f"<persistent {self.part(value.pid, depth)}>", TEXT)
        if not isinstance(value, Opaque):
            return super().compound(value, depth)
        if value.kind is OpaqueKind.BYTEARRAY:
            return f"bytearray({self.part(value.content, depth)})"
        _, first, count = self._filled.get(id(value), (value, [], 0))
        body = f"{{{_joined((self.part(item, depth) for item in first), count)}}}" if count else ""
        return body if body and value.kind is OpaqueKind.SET else f"{value.kind}({body})"

    def listed(self, values: Sequence[Value], depth: int) -> str:
        """Write the first items, and how many there are more."""
        count = len(values)
        if count >= LIST_CAP:
            count += self._dropped.get(id(values), (0, None))[0]
        return _joined([self.part(item, depth) for item in values[: self.items] if self._left > 0], count)

    def pairs(self, values: Mapping[Key, Value], depth: int) -> str:
        """Write the first items, and how many there are more."""
        _, first, count = self._set.get(id(values), (values, [], 0))
        pairs = first or islice(values.items(), self.items)
        texts = [f"{self.part(k, depth)}: {self.part(v, depth)}" for k, v in pairs if self._left > 0]
        return _joined(texts, count or len(values))


def _joined(texts: Iterable[str], count: int) -> str:
    first = list(texts)
    return ", ".join(first) + (f", … {count - len(first)} more" if count > len(first) else "")


def clip(text: str, length: int) -> str:
    """*text*, cut in its middle to *length* characters."""
    if len(text) <= length:
        return text
    tail = length // 4
    return f"{text[: length - tail - 1]}…{text[-tail:]}"


def constant(value: str | bytes, length: int = 0) -> str:
    """Write *value*; *length* says how many bytes it really has where it is only its ends."""
    text = repr(value)
    if len(text) <= TEXT and not length:
        return text
    if len(value) <= TEXT and not length:
        return clip(text, TEXT)
    unit = "bytes" if length or isinstance(value, bytes) else "characters"
    return f"{clip(text, TEXT - 30)} ({length or len(value)} {unit})"


def excerpt(data: Buffer, begin: int, end: int, *, text: bool) -> str:
    """Write the text or the bytes that lie between *begin* and *end*, by their ends if they are long."""
    long = end - begin > 2 * _EXCERPT
    raw = bytes(data[begin : begin + _EXCERPT]) + bytes(data[end - _EXCERPT : end]) if long else bytes(data[begin:end])
    return constant(raw.decode("utf-8", "backslashreplace") if text else raw, end - begin if long else 0)
