"""A move at work: from the moment in which a file lost its name until its content is at rest in the vault."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self

from picklewatch.quarantine.item import Item, State
from picklewatch.quarantine.moving import finish
from picklewatch.quarantine.recovery import recover_entry
from picklewatch.quarantine.refusals import unfinished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from picklewatch.core.model import Verdict
    from picklewatch.quarantine.journal import Entry
    from picklewatch.quarantine.place import Place


class Taking:
    """A file that has lost its name, and whose content is not at rest yet. It stays locked until `close`."""

    def __init__(
        self,
        entry: Entry,
        place: Place,
        secured: Mapping[str, Any],
        merge: Callable[[Item], Item],
        stack: contextlib.ExitStack,
    ) -> None:
        self._entry, self._place, self._secured = entry, place, secured
        self._merge, self._stack = merge, stack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def item(self) -> Item:
        """The item as it is now."""
        return self._entry.item

    def learn(self, verdict: Verdict, reasons: Sequence[str], sha256: str | None) -> None:
        """Write down what the rest of the scan found, if there is room."""
        self._note(verdict=verdict.value, reasons=list(reasons), sha256=sha256)

    def finish(self) -> Item:
        """Bring the content into the vault. Raises UnfinishedError if that is not possible now: `Vault.finish` does."""
        try:
            try:
                if not self._entry.item.state.holds:
                    finish(self._entry, self._place, self._secured)
            except OSError:
                recover_entry(self._entry)  # what failed may have been the disk's hiccup
        except OSError as error:
            self._note()
            raise unfinished(self._entry.id, error) from error
        self.close()
        return self._merge(self.item)

    def put_off(self) -> Item:
        """Leave the content for `Vault.finish`."""
        self._note()
        self.close()
        return self.item

    def _note(self, **changes: Any) -> None:
        if self._entry.item.state in (State.MOVING, State.COPYING, State.TAKEN):
            with contextlib.suppress(OSError):  # the journal has enough for `recover` as it is
                self._entry.append(State.TAKEN, **self._secured, **changes)

    def close(self) -> None:
        """Unlock the item; after a crash, or a failure, `Vault.recover` ends what is left."""
        self._stack.close()
