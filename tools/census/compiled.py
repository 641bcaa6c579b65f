"""Write the table that the product reads (`picklewatch.catalogue.classes.class_table` says how it is laid out)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from census import merge
from picklewatch.catalogue.classes.class_table import digest, pack
from picklewatch.catalogue.imports import classify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from census.merge import Merged

_MOST = 0xFFFF
"""Profiles that two bytes can number."""


def names_of(lines: Iterable[dict[str, Any]]) -> dict[tuple[str, str], Merged]:
    """Return what the table knows of each name, by *lines* and by what was read by hand."""
    both = merge.sorted_out((*lines, *merge.by_hand()))
    return merge.merge(*both, denied=classify.is_denied_or_code)


def table(names: dict[tuple[str, str], Merged]) -> bytes:
    """Return the bytes of the table; the same names give the same bytes."""
    profiles = {key: one.profile() for key, one in names.items()}
    distinct = sorted(set(profiles.values()))
    functions = sorted({name for _, _, _, acts in distinct for _, listed in acts for name in listed})
    number = {name: index for index, name in enumerate(functions)}
    rows = [
        json.dumps([kind, base, int(slots), {hook: [number[name] for name in listed] for hook, listed in acts}])
        for kind, base, slots, acts in distinct
    ]
    index = {profile: position for position, profile in enumerate(distinct)}
    entries = sorted((digest(*key), index[profile]) for key, profile in profiles.items())
    if len(distinct) > _MOST or len({one for one, _ in entries}) != len(entries):
        raise ValueError("too many profiles, or two names of one digest")
    lines = "\n".join(functions) + "\n\n" + "\n".join(rows).replace(" ", "")
    return pack(entries, lines.encode())
