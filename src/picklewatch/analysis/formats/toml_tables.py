"""TOML, which configurations are written in as well: its tables as the pairs that those of YAML and JSON are.

Python's own reader takes the text apart (Lib/tomllib): what it refuses, no loader of TOML reads.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.formats.text_pairs import Met

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LONGEST = 1 << 20
"""Bytes that are read; a longer text with such a key is reported."""
PER_BYTE = 2
"""Units of work."""
_BEGINS = re.compile(rb"(?:\s++|#[^\n]*+\n)*+(?:\[|[\w.\"' -]++=)")
_BEFORE = re.compile(rb"(?:^|[\n{,.])[ \t]*+[\"']?\Z")
"""What stands before a key."""
_BLANKS = 64
"""Bytes before a key that are looked at; more blanks than these may be indentation."""


def may_be_toml(data: memoryview, keys: Iterable[bytes]) -> bool:
    """Return True if *data* begins as TOML does and has one of *keys* in front of an equals sign or in a header."""
    if _BEGINS.match(data) is None:
        return False
    either = b"|".join(map(re.escape, sorted(keys)))
    header = rb"\[[^\]\n]*(?:" + either + b")"
    if re.compile(header).match(data) is not None or re.compile(b"\n" + header).search(data) is not None:
        return True
    return any(_is_key(data, match.start()) for key in keys for match in _assigned(key).finditer(data))


def _assigned(key: bytes) -> re.Pattern[bytes]:
    return re.compile(re.escape(key) + rb"[\"']?[ \t]*+[=.]")


def _is_key(data: memoryview, at: int) -> bool:
    """Return True if what begins at *at* stands where a key does."""
    before = bytes(data[max(at - _BLANKS, 0) : at])
    return _BEFORE.search(before) is not None or not before.strip(b" \t\"'")


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
