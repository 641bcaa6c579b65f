"""Makes the moves that a former daemon, a full disk or a missing vault left undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.core.errors import StateError, StateUnavailableError
from picklewatch.core.model import Verdict

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from picklewatch.config.schema import Config
    from picklewatch.service.actions import Actions
    from picklewatch.service.vault_source import VaultSource
    from picklewatch.store import Store
    from picklewatch.telemetry.health import Health


class MoveRetries:
    """Makes wanted moves when it is possible again, and reports a vault that can't be used."""

    def __init__(self, store: Store, health: Health, vault: VaultSource, actions: Actions) -> None:
        self._store, self._health, self._vault, self._actions = store, health, vault, actions

    def catch_up(self, config: Config, vault: Path) -> None:
        """Do what a former daemon left: complete the vault's steps, write missing lines, move what is to be moved."""
        moves = self.want(config)
        try:
            if moves or vault.exists():
                self._actions.mover.recover()
        except StateError as error:
            if moves and not isinstance(error, StateUnavailableError):
                raise
            self._report(error)  # nothing is to be moved, or its disk is missing: no reason not to watch
        try:
            self._actions.catch_up()
        except StateUnavailableError as error:
            self._report(error)

    def want(self, config: Config) -> bool:
        """Want every known file moved that *config* says.

        Return True if it says so of any verdict.
        """
        self._store.upgrade_moves = config.quarantine.upgrade_moves
        moved = [verdict for verdict in Verdict if config.quarantine.takes(verdict)]
        if moved:
            self._store.intents.want_all(moved)
        return bool(moved)

    def retry(self, _stopping: threading.Event) -> None:
        """Try what is still wanted, and report what waits for a person."""
        self._look_after_held()
        try:
            self._actions.mover.retry_all()
            if any(problem.what == "quarantine-store" for problem in self._health.problems):
                self._vault()
        except StateError as error:
            self._report(error)
        else:
            self._health.repair("quarantine-store")

    @property
    def has_unfinished(self) -> bool:
        """Return True if the content of a moved file is to follow: call `finish`."""
        return self._actions.mover.contents.has_unfinished

    def finish(self, _stopping: threading.Event) -> None:
        """Let the contents of moved files follow."""
        try:
            self._actions.mover.contents.finish()
        except StateError as error:
            self._report(error)

    def _look_after_held(self) -> None:
        if not self._store.held_moves:
            self._health.repair("quarantine-held")
            return
        reason = "a new version would move files that an older one let stay; they wait for you"
        hint = "`picklewatch quarantine apply --dry-run` lists them; `apply` moves them, `dismiss` lets them stay."
        self._health.degrade("quarantine-held", reason, hint=hint)

    def _report(self, error: StateError) -> None:
        self._health.degrade("quarantine-store", error.message, hint=error.hint)
