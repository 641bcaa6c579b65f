"""Finds what spells an import: two lines, as GLOBAL, INST and UNICODE take them, or two texts with their lengths."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.catalogue.imports.stdlib_modules import STDLIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOTS = {name for name in STDLIB if name.islower()} | {
    "__builtin__", "pipes", "commands", "exceptions", "cPickle", "copy_reg", "urllib2", "popen2", "StringIO",
    "torch", "numpy", "pandas", "joblib", "sklearn", "scipy", "pip", "setuptools", "pkg_resources", "distutils",
    "cloudpickle", "dill", "tensorflow", "keras", "jax", "transformers", "requests", "yaml", "django", "flask",
    "PICKLEWATCH_SELF_TEST", "nose", "pytest", "_pytest", "IPython", "idlelib", "lib2to3", "aiohttp", "fickling",
}  # fmt: skip
"""Modules that exist wherever models are loaded; a line of text that merely looks like an import names another."""
SHORT_TEXTS = ((rb"\x8c", rb"[\x01-\xff]"), (rb"X", rb"[\x01-\xff]\0\0\0"))
"""SHORT_BINUNICODE and BINUNICODE, and the length of a text of less than 256 bytes: STACK_GLOBAL takes two of them."""
_NAME_LINE = re.compile(rb"\n(?=[A-Za-z_][\w.]*+\r?\n)")
"""The second line of an import, by which the search goes: such lines are rarer than the first ones."""
_IMPORT = re.compile(rb"[cVi](?=([A-Za-z_]\w{0,%d})(?:\.|\Z))" % (max(map(len, ROOTS)) - 1))
"""An opcode and the root of its module, which ends with the line; a longer name is none of `ROOTS`."""
_WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."
_LOOK = 8
"""Units of work per line."""
_LINE = 128
"""Bytes before a line break that are read at first; more if all of them are letters."""


def import_lines(data: memoryview, start: int, stop: int, charge: Callable[[int], object]) -> Iterator[tuple[int, int]]:
    """Yield the offset of each opcode whose line names a module that may exist, and where that line ends.

    The work is counted by *charge*.
    """
    for match in _NAME_LINE.finditer(data, start, stop):
        begin, word = _last_word(data, start, match.start())
        charge(_LOOK + len(word) // 4)
        for found in _IMPORT.finditer(word):
            if found[1].decode("latin-1") in ROOTS:
                yield begin + found.start(), match.start()


def _last_word(data: memoryview, start: int, stop: int) -> tuple[int, bytes]:
    """Return the letters, digits and points just before *stop*, or before a carriage return there, and their offset."""
    size = _LINE
    while True:
        begin = max(start, stop - size)
        line = bytes(data[begin:stop]).removesuffix(b"\r")
        rest = len(line.rstrip(_WORD))
        if rest or begin == start:
            return begin + rest, line[rest:]
        size *= 8
