"""TOML, which configurations are written in as well: its tables as the pairs that those of YAML and JSON are.

Python's own reader takes the text apart (Lib/tomllib): what it refuses, no loader of TOML reads.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.formats.text_pairs import Met
from picklewatch.catalogue.loaders.loader_keys import LOADER_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 1 << 20
"""Bytes that are read; a longer text with such a key is reported."""
PER_BYTE = 2
"""Units of work."""
_KEYS = b"|".join(sorted({re.escape(entry.key.encode()) for entry in LOADER_KEYS if entry.in_texts}))
_PAIR = re.compile(
    rb"(?:^|[\n{,.])[ \t]*+[\"']?(?:" + _KEYS + rb")[\"']?[ \t]*+[=.]|^\[[^\]\n]*(?:" + _KEYS + rb")", re.MULTILINE
)


_BEGINS = re.compile(rb"(?:\s++|#[^\n]*+\n)*+(?:\[|[\w.\"' -]++=)")


def may_be_toml(data: memoryview) -> bool:
    """Return True if *data* begins as TOML does and has a key of the table in front of an equals sign."""
    return _BEGINS.match(data) is not None and _PAIR.search(data) is not None


def mets(data: memoryview) -> Iterator[Met]:
    """Yield the pairs of *data*, and the end; nothing if it is no TOML."""
    try:
        tables = tomllib.loads(bytes(data).decode("utf-8", "replace"))
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    waiting: list[tuple[Any, int]] = [(tables, 0)]
    count = 0
    while waiting:
        value, scope = waiting.pop()
        pairs = value.items() if isinstance(value, dict) else (("", one) for one in value)
        for name, held in pairs:
            key = name.encode("utf-8", "replace")
            if isinstance(held, str):
                yield Met(0, key=key, value=held.encode("utf-8", "replace"), quoted=True, scope=scope)
            elif isinstance(held, dict | list):
                count += 1
                yield Met(0, key=key, quoted=True, scope=scope, opens=count)
                waiting.append((held, count))
    yield Met(0, ends=True)
