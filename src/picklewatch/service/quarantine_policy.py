"""What the daemon's moves need from outside: the operator's decisions, and a vault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.access.ownership import Tree
    from picklewatch.core.model import FileId, Verdict
    from picklewatch.quarantine.item import Item
    from picklewatch.quarantine.moving import Suspect
    from picklewatch.quarantine.recovery import Recovery
    from picklewatch.quarantine.removal import Removal
    from picklewatch.quarantine.restoring import Allow
    from picklewatch.quarantine.taking import Taking


class SupportsQuarantine(Protocol):
    """A vault: `picklewatch.quarantine.vault.Vault`, or a fake in tests."""

    @property
    def removal(self) -> Removal:
        """The ways to delete items."""
        ...

    def take(self, suspect: Suspect, *, tombstone: bool = True) -> Taking:
        """Take its name from a file; its content may follow."""
        ...

    def finish(self, item_id: str) -> Item | None:
        """Let the content of a file follow; None if somebody else has it in hand."""
        ...

    def is_set_aside(self, path: str, file: FileId, owner: int) -> bool:
        """Return True if *file* of *owner* is one whose content is to follow."""
        ...

    def discard(self, item_id: str) -> None:
        """Remove an item as if it had never been taken."""
        ...

    def items(self, *, history: bool = False) -> list[Item]:
        """Return what the vault holds."""
        ...

    def restore(self, item_id: str, allow: Allow | None, *, reason: str = "") -> Item:
        """Restore an item to its old place, after *allow* has its content allowed."""
        ...

    def recover(self, *, whole: bool = True) -> list[Recovery]:
        """Complete or undo what was left unfinished."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinePolicy:
    """The operator's decisions about moving files."""

    takes: Callable[[Verdict], bool] = lambda _verdict: False
    """Returns True if a file with this verdict is to be moved."""
    tombstones: bool = True
    """True if a tombstone takes its place."""
    trees: Callable[[], tuple[Tree, ...]] = tuple
    """Returns the watched directories; nothing outside of them is ever moved."""
