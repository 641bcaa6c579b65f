"""The file that is left where a quarantined one was: a tiny pickle that every loader refuses in plain words.

A missing file or a dangling link would make clients such as huggingface_hub silently download the hostile content
again and load it; a file that fails to load stops them and tells the person what happened. Loading it fails because it
names a module that does not exist, and whose name is the message: ``pickle.load``, ``torch.load`` (with
``weights_only`` or without), joblib and pandas print it. Nothing but the import is in it. What follows the STOP opcode
is read by people only (``cat``, ``less``).

Pure; imports only the standard library.
"""

from __future__ import annotations

import re

ITEM_ID = re.compile(r"[0-9a-f]{12}")
"""The form of an item's id. It is random, so that nobody can prepare a module of the tombstone's name."""

_TEMPLATE = (
    "\x80\x02cQUARANTINED BY picklewatch (run: picklewatch quarantine show {id})\n"
    "unsafe_file\n"
    ".\n"
    "picklewatch moved the file that was here into quarantine. To see why, and how to get it back:\n"
    "    picklewatch quarantine show {id}\n"
)
_AT = _TEMPLATE.index("{id}")
TOMBSTONE_LENGTH = len(_TEMPLATE.format(id="0" * 12))
"""Bytes."""


def tombstone(item_id: str) -> bytes:
    """Return the bytes that take the place of the quarantined file *item_id*."""
    if not ITEM_ID.fullmatch(item_id):
        raise ValueError(f"not an item's id: {item_id!r}")
    return _TEMPLATE.format(id=item_id).encode("latin-1")


def parse_tombstone(data: bytes) -> str | None:
    """Return the item's id if *data*, all of it, is one of our tombstones, else None.

    Only the exact bytes count: whatever differs in one bit is judged like any other file.
    """
    if len(data) != TOMBSTONE_LENGTH:
        return None
    item_id = data[_AT : _AT + 12].decode("latin-1")
    return item_id if ITEM_ID.fullmatch(item_id) and data == tombstone(item_id) else None
