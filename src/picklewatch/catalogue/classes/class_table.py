"""The layout of ``classes.bin``, which ``tools/census`` writes.

A header; for each value of a digest's first twelve bits the number of names before it; the digest of each name
(`digest`) in order; for each the number of its profile in two bytes; then lines of UTF-8: the functions that act, an
empty line, and a profile a line as JSON. A profile is only taken apart when it is asked for. Numbers are little-endian.
"""

from __future__ import annotations

import json
import struct
from hashlib import blake2b

MAGIC = b"census 1"
HEADER = struct.Struct("<8sII")
"""`MAGIC`, the number of names, and the bytes of the lines."""
BUCKETS = 4096
_DIGEST = 16
"""Bytes: nobody finds a name whose digest is that of a listed one."""
_FIRST = struct.Struct(f"<{BUCKETS + 1}I")
_NAMES = HEADER.size + _FIRST.size
"""Where the digests begin."""


def digest(module: str, name: str) -> bytes:
    """Return the digest under which the table lists *name* of *module*."""
    return blake2b(f"{module}\0{name}".encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()


def bucket(of: bytes) -> int:
    """Return the first twelve bits of a digest."""
    return of[0] << 4 | of[1] >> 4


def pack(entries: list[tuple[bytes, int]], lines: bytes) -> bytes:
    """Return the table of *entries* (digest and number of the profile, in order) and *lines*."""
    counts = [0] * (BUCKETS + 1)
    for one, _ in entries:
        counts[bucket(one) + 1] += 1
    for number in range(BUCKETS):
        counts[number + 1] += counts[number]
    numbers = struct.pack(f"<{len(entries)}H", *(number for _, number in entries))
    head = HEADER.pack(MAGIC, len(entries), len(lines)) + _FIRST.pack(*counts)
    return head + b"".join(one for one, _ in entries) + numbers + lines


class Table:
    """The table in memory."""

    def __init__(self, content: bytes) -> None:
        """Take the table apart; raise ValueError if it is damaged."""
        if not content.startswith(MAGIC) or len(content) < _NAMES:
            raise ValueError(_DAMAGED)
        _, count, described = HEADER.unpack_from(content)
        self._numbers: int = _NAMES + count * _DIGEST
        if len(content) != self._numbers + 2 * count + described:
            raise ValueError(_DAMAGED)
        self._content = content
        self._first: tuple[int, ...] = _FIRST.unpack_from(content, HEADER.size)
        functions, _, profiles = content[self._numbers + 2 * count :].decode().partition("\n\n")
        self._functions = functions.split("\n")
        self._profiles = profiles.split("\n")

    def find(self, module: str, name: str) -> int | None:
        """Return the number of the profile of *name* of *module*, or None for what is not listed."""
        wanted = digest(module, name)
        number = bucket(wanted)
        place, end = _NAMES + self._first[number] * _DIGEST, _NAMES + self._first[number + 1] * _DIGEST
        while (place := self._content.find(wanted, place, end)) >= 0:
            entry, within = divmod(place - _NAMES, _DIGEST)
            if not within:
                at = self._numbers + 2 * entry
                return self._content[at] | self._content[at + 1] << 8
            place += 1  # across two digests
        return None

    def profile(self, number: int) -> tuple[str, str, bool, dict[str, tuple[str, ...]]]:
        """Return the kind, the base, the slots and the acting functions by hook of profile *number*."""
        kind, base, slots, acts = json.loads(self._profiles[number])
        return (
            kind,
            base,
            bool(slots),
            {hook: tuple(self._functions[one] for one in listed) for hook, listed in acts.items()},
        )


_DAMAGED = "the table of classes is damaged: install picklewatch again"
