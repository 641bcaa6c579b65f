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

_PICKLE = "\x80\x02cQUARANTINED BY picklewatch (run: picklewatch quarantine show {id})\nunsafe_file\n.\n"
_TEMPLATES = (
    _PICKLE + "picklewatch moved the file that was here into quarantine. To see why, and how to get it back:\n"
    "    picklewatch quarantine show {id}\n"
    "To save its weights, without running anything in it:\n"
    "    picklewatch rescue --item {id} weights.safetensors\n",
    _PICKLE + "picklewatch moved the file that was here into quarantine. To see why, and how to get it back:\n"
    "    picklewatch quarantine show {id}\n",
)
"""The words that are written now, and those of former versions, whose tombstones still lie about."""
_AT = _PICKLE.index("{id}")
TOMBSTONE_LENGTH = max(len(template.format(id="0" * 12)) for template in _TEMPLATES)
"""Bytes of the longest."""


def tombstone(item_id: str) -> bytes:
    """Return the bytes that take the place of the quarantined file *item_id*."""
    return tombstones(item_id)[0]


def tombstones(item_id: str) -> tuple[bytes, ...]:
    """Return the bytes that this version, and former ones, put in the place of the quarantined file *item_id*."""
    if not ITEM_ID.fullmatch(item_id):
        raise ValueError(f"not an item's id: {item_id!r}")
    return tuple(template.format(id=item_id).encode("latin-1") for template in _TEMPLATES)


def parse_tombstone(data: bytes) -> str | None:
    """Return the item's id if *data*, all of it, is one of our tombstones, else None.

    Only the exact bytes count: whatever differs in one bit is judged like any other file.
    """
    item_id = data[_AT : _AT + 12].decode("latin-1")
    return item_id if ITEM_ID.fullmatch(item_id) and data in tombstones(item_id) else None
