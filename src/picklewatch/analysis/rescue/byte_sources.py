"""The bytes of a tensor before they are copied: where they lie in the file, or how they are unpacked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind, Python2Text, as_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.analysis.pickle.report import Buffer
    from picklewatch.analysis.pickle.vm.values import Value


class NotSavedError(Exception):
    """A value can't be saved; the message says why."""


@dataclass(slots=True, eq=False)
class ByteSource:
    """Bytes that were found, whether or not they lie in the file as they are."""

    size: int
    at: int | None
    """Their offset in the file; None if they have to be unpacked or decoded."""
    load: Callable[[], Buffer]
    """Gives the bytes themselves."""

    def part(self, start: int, size: int) -> ByteSource:
        """Return *size* of these bytes from *start* on, which must lie in them."""
        at = None if self.at is None else self.at + start
        return ByteSource(size, at, lambda: memoryview(self.load())[start : start + size])


class ByteSources:
    """Finds the sources of values, and keeps the last one that was unpacked."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[memoryview, ByteSource]] = {}
        self._last: tuple[object, Buffer] = (None, b"")

    def view(self, source: ByteSource) -> memoryview:
        """Return the bytes of *source* for a walk, whose long constants are then found in it again."""
        data = source.load()
        view = data if isinstance(data, memoryview) else memoryview(data)
        self._places[id(view)] = view, source
        return view

    def unpacked(self, size: int, key: object, make: Callable[[], Buffer]) -> ByteSource:
        """Return the *size* bytes that *make* gives: it is called again whenever they are needed.

        A file may hold many times more than memory, so only the last is kept, by the identity of *key*.
        """

        def load() -> Buffer:
            if self._last[0] is not key:
                self._last = None, b""
                self._last = key, make()
            return self._last[1]

        return ByteSource(size, None, load)

    def of_bytes(self, value: Value) -> ByteSource | None:
        """Return the source of a bytes value of a pickle, None if it is none or its bytes are not known."""
        if isinstance(value, Opaque) and value.kind is OpaqueKind.BYTEARRAY:
            value = value.content
        if type(value) is Blob and not value.text and id(value.data) in self._places:
            return self._places[id(value.data)][1].part(value.start, value.size)
        content = bytes_of(value)
        if content is None:
            return None
        if len(content) <= _KEPT:
            return ByteSource(len(content), None, lambda: content)
        return self.unpacked(len(content), value, lambda: bytes_of(value) or b"")


def bytes_of(value: Value) -> bytes | None:
    """Return the bytes that *value* is, None if it is none or they are not known.

    Python 2 wrote an array's bytes as its str; numpy takes such a text for Latin-1 (``array_setstate``).
    """
    text = value
    if isinstance(value, Obj) and isinstance(value.callee, Import) and value.callee.name == "encode":
        text = value.args[0] if isinstance(value.args, tuple) and value.args else None
        if not isinstance(text, Python2Text):
            return as_bytes(value)
    if not isinstance(text, str):
        return as_bytes(value)
    try:
        return text.encode("latin-1")
    except UnicodeError:
        return None


_KEPT = 1 << 12
"""Bytes up to which a decoded constant is kept instead of being decoded again."""
