"""What a person may call a judged file: its path or the name that was shown, a record's id, or a quarantined item's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.core.errors import Error, StateError
from picklewatch.core.found_record import record_number
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord


class NamingError(Error):
    """What was given is the name of nothing, or of several things."""


def record_named(text: str, directory: Path, config_path: Path | None = None) -> FoundRecord | None:
    """Return the record that *text* names in the state in *directory*; None if it is the path of a file, or nothing.

    Raises `NamingError` for what is the name of several.
    """
    number = record_number(text)
    if os.path.lexists(text):
        if number is not None:
            hint = f"Write ./{text} for the file; the record's file has a path and a name, too."
            raise NamingError(f"{text} may be a file here, or a record's id", hint)
        return None
    from picklewatch.cli.stored_records import fates, stored, vault_of  # not for a path: `explain` starts fast

    try:
        with stored(directory) as store:
            items = fates(vault_of(directory, config_path))
            if number is None:
                return _only(text, store.found.by_name(text, items) or store.found.by_item(text, items))
            found = store.found.by_number(number, items)
    except StateError:
        if number is None:  # another user's state: then it is a path that does not exist
            return None
        raise
    if found is None:
        raise NamingError(f"there is no record {text}", "`picklewatch history` lists them, with their ids.")
    return found


def _only(text: str, found: Sequence[FoundRecord]) -> FoundRecord | None:
    there = [each for each in found if each.where.is_there] or found
    if len(there) > 1:
        several = ", ".join(f"{each.id} ({printable(each.path)})" for each in there[:_NAMED])
        raise NamingError(f"{printable(text)} is the name of several files: {several}", "Give the id of one.")
    return there[0] if there else None


_NAMED = 5
