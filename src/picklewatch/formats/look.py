"""Look through bytes that could not be judged for imports of what is denied: the last resort where a scan had to stop.

Not a judgement: an import may be spelt in ways that only a walk over the opcodes sees. It is fast, needs no memory, and
keeps a plain attack behind a bomb from being called merely `unscannable`.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from picklewatch.engine.judge import judge
from picklewatch.engine.lists.stdlib import STDLIB
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_NAMES = 20
"""Imports that are told."""
_OVERLAP = 512
"""Bytes of one chunk that are looked at again with the next: two names and what lies between them."""

_NAME_LINE = re.compile(rb"\n(?=([A-Za-z_][\w.]{0,200})\r?\n)")
_MODULE = re.compile(rb"[\w.]+\r?\Z")
_MODULE_LENGTH = 201
_NAME = rb"([A-Za-z_][\w.]{0,100})(?:\x94|q.|r.{4})?"
_PAIRS = tuple(
    re.compile(head + _NAME + head + _NAME + rb"\x93", re.DOTALL) for head in (rb"\x8c[\x01-\xff]", rb"X.\0\0\0")
)
"""Two names as SHORT_BINUNICODE or BINUNICODE, then STACK_GLOBAL."""


def denied_imports(chunks: Iterable[bytes | memoryview], most: int, seconds: float) -> tuple[list[str], int]:
    """Return what is denied among the imports that *chunks* spell, and how many bytes were read.

    Reads about *most* bytes and takes about *seconds* of processor time; what is not reached is unscannable anyway.
    """
    found: dict[str, None] = {}
    read, tail = 0, b""
    ends = time.process_time() + seconds
    for chunk in chunks:
        window = tail + bytes(chunk[: most - read])
        for module, name in _spelt(window):
            if judge(module, name).level is Level.MALICIOUS:
                found[f"{module}.{name}"] = None
        read += len(window) - len(tail)
        tail = window[-_OVERLAP:]
        if read >= most or len(found) >= _NAMES or time.process_time() > ends:
            break
    return list(found)[:_NAMES], read


def _spelt(window: bytes) -> Iterator[tuple[str, str]]:
    for pattern in _PAIRS:
        for match in pattern.finditer(window):
            yield match[1].decode("latin-1"), match[2].decode("latin-1")
    for match in _NAME_LINE.finditer(window):
        before = _MODULE.search(window, max(0, match.start() - _MODULE_LENGTH), match.start())
        text = before.group().rstrip(b"\r") if before else b""
        for index, byte in enumerate(text):
            module = text[index + 1 :]
            if byte in b"ci" and module.partition(b".")[0].decode("latin-1") in _ROOTS:
                yield module.decode("latin-1"), match[1].decode("latin-1")


_ROOTS = STDLIB | {"__builtin__", "commands", "popen2", "torch", "numpy", "pip", "setuptools", "cloudpickle", "dill"}
"""Modules that something denied is in, wherever models are loaded."""
