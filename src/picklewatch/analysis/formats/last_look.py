"""Searches bytes that could not be judged for denied imports: the last resort where a scan had to stop.

Not a judgement: an import may be spelt in ways that only a walk over the opcodes sees. But it is fast and needs no
memory, and it keeps a plain attack behind a decompression bomb from being called merely `unscannable`.
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.import_lines import SHORT_TEXTS, import_lines
from picklewatch.catalogue.imports.classify import judge
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOOK = 2_500_000
"""Units of work that all looks at a file may take together; each may take a quarter of what is left."""
_LEAST_LOOK = 1_000
"""Units that each look may take even so. Where none are left at all, that is reported as evasion."""
_PER_UNIT = 64
"""Bytes that are unpacked once more and searched in the time of one unit of work."""
_JUDGED = 20
"""Units of work that judging a name takes."""
_NAMES = 20
"""Imports that are reported."""
_OVERLAP = 512
"""Bytes of one chunk that are searched again with the next: room for two names."""

_NAME = rb"([A-Za-z_][\w.]{0,100})(?:\x94|q.|r.{4})?"
_CALLED = b"ci"
"""GLOBAL and INST."""
_PAIRS = tuple(
    re.compile(opcode + length + _NAME + opcode + length + _NAME + rb"\x93", re.DOTALL)
    for opcode, length in SHORT_TEXTS
)
"""Two texts that are names, then STACK_GLOBAL."""


class LastLook:
    """The looks at one file's unread bytes, all of them out of one reserve of work."""

    def __init__(self) -> None:
        self.left = LOOK
        """Units of work in the reserve."""

    def denied_imports(self, chunks: Iterable[bytes | memoryview]) -> list[str]:
        """Return what is denied among the imports that *chunks* spell, as far as a share of the reserve goes."""
        look = _Search(max(self.left // 4, _LEAST_LOOK))
        try:
            return look.denied_imports(chunks)
        finally:
            self.left -= look.work


class _Search:
    """One look: the names that it saw, and the work that it took."""

    def __init__(self, most: int) -> None:
        self._left = self._most = most
        self._names: dict[str, None] = {}

    @property
    def work(self) -> int:
        """The units of work taken so far."""
        return self._most - self._left

    def denied_imports(self, chunks: Iterable[bytes | memoryview]) -> list[str]:
        """Return what is denied among the imports that *chunks* spell, as far as the units of work go."""
        tail = b""
        with contextlib.suppress(_Enough):
            for chunk in chunks:
                window = tail + bytes(chunk[: max(self._left, 0) * _PER_UNIT])
                self._charge(1 + (len(window) - len(tail)) // _PER_UNIT)
                for module, name in self._spelt(window):
                    self._judge(module, name)
                tail = window[-_OVERLAP:]
        return list(self._names)

    def _charge(self, units: int) -> None:
        self._left -= units
        if self._left < 0:
            raise _Enough

    def _judge(self, module: str, name: str) -> None:
        self._charge(_JUDGED)
        if judge(module, name).level is Level.MALICIOUS:
            self._names[f"{module}.{name}"] = None
            if len(self._names) >= _NAMES:
                raise _Enough

    def _spelt(self, window: bytes) -> Iterator[tuple[str, str]]:
        for pattern in _PAIRS:
            for match in pattern.finditer(window):
                yield match[1].decode("latin-1"), match[2].decode("latin-1")
        for at, end in import_lines(memoryview(window), 0, len(window), self._charge):
            if window[at] in _CALLED:
                module = window[at + 1 : end].rstrip(b"\r")
                name = window[end + 1 : window.index(b"\n", end + 1)].rstrip(b"\r")
                yield module.decode("latin-1"), name.decode("latin-1")


class _Enough(Exception):  # noqa: N818
    """The units of work are used up, or enough names were seen."""
