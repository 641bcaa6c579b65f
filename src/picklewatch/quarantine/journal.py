"""One directory per item: its content and its journal, in which every step is on disk before it is taken.

The journal is a file of lines ``{JSON} CRC``. The first has every field of the item, each further one the
changes; the last whole line wins, so a torn write does no harm. Space for the later lines is reserved with the first,
so that a full disk can refuse a step only at its beginning. Names of files are arbitrary bytes: they are base64 here.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import time
import zlib
from typing import TYPE_CHECKING, Any, Self

from picklewatch.core.state_layout import CONTENT, JOURNAL
from picklewatch.core.tombstone import ITEM_ID, TOMBSTONE_LENGTH, parse_tombstone
from picklewatch.quarantine import fs
from picklewatch.quarantine.item import Item, State, item_of

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
JOURNAL_FILE = JOURNAL.encode()
DATA = CONTENT.encode()
"""The name of the content in an item's directory."""
_RESERVE = 16384
_JOURNAL_LIMIT = 64 << 20


class Entry:
    """An item's open directory in the vault."""

    def __init__(self, vault: int, item_id: str) -> None:
        """Open the directory of *item_id* in the vault's directory; FileNotFoundError if there is none."""
        self.id = item_id
        self._vault = vault
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(item_id, flags, dir_fd=vault)
        self._fields: dict[str, Any] = {}
        self._end = 0
        self._lock = -1

    @classmethod
    def create(cls, vault: int, fields: Mapping[str, Any]) -> Self:
        """Make a new item whose journal has *fields*, and lock it; all of it is on disk on return, or nothing."""
        item_id = cls._new_id(vault)
        entry = cls(vault, item_id)
        try:
            entry.begin(fields)
            fs.sync(vault)
            entry.lock()
        except BaseException:
            entry.drop()
            entry.close()
            raise
        return entry

    @staticmethod
    def _new_id(vault: int) -> str:
        while True:
            item_id = secrets.token_hex(6)
            with contextlib.suppress(FileExistsError):
                fs.make_directory(vault, os.fsencode(item_id))
                return item_id

    def begin(self, fields: Mapping[str, Any]) -> None:
        """Write the journal's first line."""
        now = time.time()
        self._fields = {"version": VERSION, "taken": now, "changed": now, **fields}
        line = _line(self._fields)
        os.close(fs.create(self.fd, JOURNAL_FILE, line, reserve=len(line) + _RESERVE))
        self._end = len(line)
        fs.sync(self.fd)

    def lock(self, *, wait: bool = True) -> bool:
        """Keep everybody else from changing the item until `close`; return False if someone has it and *wait* is not.

        A copy may take minutes, so each item has a lock of its own. It is the journal's: NFS locks no directories.
        """
        if self._lock >= 0:
            return True
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            self._lock = os.open(JOURNAL_FILE, flags, dir_fd=self.fd)
        except FileNotFoundError:
            return True  # it is being dropped, or has lost its journal
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            self._unlock()
            return False
        return True

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def load(self) -> bool:
        """Read the journal; return False if none can be read."""
        data = fs.read(self.fd, JOURNAL_FILE, _JOURNAL_LIMIT) or b""
        self._fields, self._end = {}, 0
        for line in data.split(b"\n")[:-1]:  # a line without its end was torn by a power cut
            fields = _parse(line)
            if fields is None:
                break
            self._fields.update(fields)
            self._end += len(line) + 1
        return bool(self._fields)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The fields in the journal, private ones of a step included."""
        return self._fields

    @property
    def item(self) -> Item:
        """The item by its journal, as users see it."""
        return item_of(self.id, self._fields)

    def append(self, state: State, **changes: Any) -> Item:
        """Write a step to disk."""
        fields = {"state": state.value, "changed": time.time(), **changes}
        line = _line(fields)
        journal = os.open(JOURNAL_FILE, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.fd)
        try:
            fs.write(journal, line, self._end)
            fs.sync(journal)
            if state.history:
                with contextlib.suppress(OSError):
                    fs.truncate(journal, self._end + len(line))  # no step follows: free the reserve
        finally:
            os.close(journal)
        self._fields.update(fields)
        self._end += len(line)
        return self.item

    def status(self, name: bytes = DATA) -> os.stat_result | None:
        """Return the status of *name* in this directory, or None."""
        return fs.status(self.fd, name)

    def is_tombstone(self, directory: int, name: bytes) -> bool:
        """Return True if *name* is this item's tombstone, byte for byte."""
        return is_tombstone(directory, name, self.id)

    def drop(self) -> None:
        """Forget the item, its journal last, unless there is an unknown file in its directory."""
        if self.is_tombstone(self.fd, DATA):
            fs.unlink(self.fd, DATA)
        fs.unlink(self.fd, DATA + b"+")
        if self.status() is not None:
            raise OSError(errno.ENOTEMPTY, "the item has content", self.id)
        fs.unlink(self.fd, JOURNAL_FILE)
        fs.remove_directory(self._vault, os.fsencode(self.id))

    def close(self) -> None:
        """Close the directory, and unlock the item."""
        self._unlock()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_tombstone(directory: int, name: bytes, item_id: str) -> bool:
    """Return True if *name* is the tombstone of *item_id*, byte for byte."""
    data = fs.read(directory, name, TOMBSTONE_LENGTH + 1)
    return data is not None and parse_tombstone(data) == item_id


def item_ids(vault: int) -> list[str]:
    """Return the ids of all the items in the vault's directory."""
    return sorted(name for name in os.listdir(vault) if ITEM_ID.fullmatch(name))


def _line(fields: Mapping[str, Any]) -> bytes:
    text = json.dumps(fields, separators=(",", ":")).encode()
    return b"%s %08x\n" % (text, zlib.crc32(text))


def _parse(line: bytes) -> dict[str, Any] | None:
    text, _, checksum = line.rpartition(b" ")
    if not text or checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
