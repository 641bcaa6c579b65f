"""What a person may call a judged file: its path or the name that was shown, a record's id, or a quarantined item's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.cli.common import state_dir
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
    found = _found(text, number, directory, config_path)
    if number is not None and not found:
        raise NamingError(f"there is no record {text}", "`picklewatch history` lists them, with their ids.")
    return _only(text, found)


def _found(text: str, number: int | None, directory: Path, config_path: Path | None) -> list[FoundRecord]:
    """Return what *text* names in *directory*, and for the system's daemon, of this user's files.

    Raises `StateError` for an id where there is neither.
    """
    from picklewatch.cli.asked_records import named  # not for a path: `explain` starts fast

    asks = directory == state_dir()
    asked = named(text) if asks else None
    try:
        return [*_stored(text, number, directory, config_path), *(asked or ())]
    except StateError:
        answered = named(text, is_system=False) if asks else None
        if number is not None and asked is None and answered is None:
            raise
        return [*(asked or ()), *(answered or ())]  # or it is another user's state, and a path that does not exist


def _stored(text: str, number: int | None, directory: Path, config_path: Path | None) -> list[FoundRecord]:
    from picklewatch.cli.stored_records import fates, stored, vault_of

    with stored(directory) as store:
        items = fates(vault_of(directory, config_path))
        if number is None:
            return store.found.by_name(text, items) or store.found.by_item(text, items)
        found = store.found.by_number(number, items)
        return [] if found is None else [found]


def _only(text: str, found: Sequence[FoundRecord]) -> FoundRecord | None:
    there = [each for each in found if each.where.is_there] or found
    if len({each.path for each in there}) > 1:
        several = ", ".join(f"{each.id} ({printable(each.path)}{_whose(each)})" for each in there[:_NAMED])
        hint = "Give the path of one, or its id." if record_number(text) is None else "Give the path of one."
        raise NamingError(f"{printable(text)} is the name of several files: {several}", hint)
    return there[0] if there else None


def _whose(found: FoundRecord) -> str:
    return ", of the system's daemon" if found.is_asked else ""


_NAMED = 5
