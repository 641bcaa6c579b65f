"""The names by which a person chooses members of a file. Pure."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

_OFFSET = re.compile(r"(?:^|:)0x[0-9a-f]+$")


def is_member(where: str, wanted: str | None) -> bool:
    """Return True if the place *where* is the member *wanted*: a whole name, its last parts, or a pattern for either.

    >>> is_member("archive/data.pkl", "data.pkl"), is_member("a.zip!x/data.pkl", "x/*.pkl"), is_member("a", "b")
    (True, True, False)
    """
    if wanted is None or where == wanted:
        return True
    return any(fnmatchcase(where[begin:], wanted) for begin in _parts(where))


def member_of(place: str) -> str:
    """Return the member of a finding's place.

    >>> member_of("archive/data.pkl:0x1f"), member_of("archive/data.pkl"), member_of("0x1f")
    ('archive/data.pkl', 'archive/data.pkl', '')
    """
    return _OFFSET.sub("", place)


def _parts(where: str) -> list[int]:
    return [0, *(index + 1 for index, char in enumerate(where) if char in "/!")]
