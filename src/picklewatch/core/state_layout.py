"""Spells every name in the state directory, once. Pure: it makes and opens nothing.

lock                held by the daemon that runs
picklewatch.db      jobs, records and decisions (SQLite; ``-wal``, ``-shm`` and ``.corrupt-…`` beside it)
notify.json         how far a notifier with ``--state-dir`` is; others have a directory of their own
daemon.sock         the socket of a daemon that has no runtime directory
canary/             always watched: the proof of life (``.alive``), and `picklewatch doctor`'s self-test file
quarantine/         the vault, unless ``quarantine.store`` names another directory
lock            held while an item changes; there since the vault was first used
0123456789ab/   one directory per item
journal
data        the file that was taken
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

LOCK: Final = "lock"
"""The same in the state directory and in the vault."""
DATABASE: Final = "picklewatch.db"
SOCKET: Final = "daemon.sock"
"""The same in a runtime directory."""
CANARY: Final = "canary"
ALIVE: Final = ".alive"
VAULT: Final = "quarantine"
NOTIFIED: Final = "notify.json"
"""The same in a notifier's own state directory."""
JOURNAL: Final = "journal"
CONTENT: Final = "data"


@dataclass(frozen=True, slots=True)
class StateLayout:
    """The paths in one state directory."""

    directory: Path

    @property
    def lock(self) -> Path:
        """Return the file that the daemon locks."""
        return self.directory / LOCK

    @property
    def database(self) -> Path:
        """Return the store's database."""
        return self.directory / DATABASE

    @property
    def canary(self) -> Path:
        """Return the directory that is always watched."""
        return self.directory / CANARY

    @property
    def vault(self) -> Path:
        """Return the vault's directory, unless the configuration names another."""
        return self.directory / VAULT


def item_content(vault: Path, item_id: str) -> Path:
    """Return the content of an item in the directory *vault*."""
    return vault / item_id / CONTENT
