"""Has a file judged under the names that a move left it: nothing else announces them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.access.ownership import trees_of
from picklewatch.core.candidate import Source
from picklewatch.core.errors import StateError
from picklewatch.quarantine.place import set_aside_as
from picklewatch.watch.identify import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from picklewatch.core.model import FileId
    from picklewatch.service.quarantine_policy import QuarantinePolicy, SupportsQuarantine
    from picklewatch.store import Intent, Store


class OtherNames:
    """The names of files that are moved. It asks file systems; threads may share it."""

    def __init__(
        self, store: Store, vault: Callable[[], SupportsQuarantine], policy: Callable[[], QuarantinePolicy]
    ) -> None:
        self._store, self._vault, self._policy = store, vault, policy

    def is_set_aside(self, path: str, file: FileId, owner: int) -> bool:
        """Return True if *file* of *owner* was moved, and its content is to follow: it is not to be judged again."""
        if set_aside_as(os.fsencode(os.path.basename(path))) is None:  # noqa: PTH119 - most names: no vault is opened
            return False
        try:
            return self._vault().is_set_aside(path, file, owner)
        except StateError:
            return False

    def judge_again(self, intent: Intent, fd: int) -> None:
        """Have a file judged again, where it is now, that was not where it was: moving it about saves nothing."""
        self._store.records.judge_again(intent.file)
        try:
            path = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - as os.fsdecode gives it
        except OSError:
            return
        self._judge(path, intent.file)

    def judge_other(self, file: FileId, but: Collection[str]) -> str | None:
        """Have *file* judged under another name than *but*, and return that; None if no watched directory has one.

        Nothing announces that it stays: of another user's file only one name is taken, and a job knows one path.
        """
        return next((path for path in self.known(file) if path not in but and self._judge(path, file)), None)

    def known(self, file: FileId) -> tuple[str, ...]:
        """Return the paths that led to the inode of *file*, judged or announced."""
        job = self._store.jobs.of(file.device, file.inode)
        judged = self._store.records.names(file)
        return judged if job is None else (job.path, *judged)

    def _judge(self, path: str, file: FileId) -> bool:
        """Queue *file* under its name *path*; return False if that is not its name, not watched, or the vault's."""
        found = identify(path, Source.WALK)
        if found is None or not (leads_to(path, file) and trees_of(path, self._policy().trees())):
            return False
        if self.is_set_aside(path, found.file, found.owner):
            return False
        self._store.jobs.put(found)
        return True


def leads_to(path: str, file: FileId) -> bool:
    """Return True if *path*, itself and not through a link, is the inode of *file*."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) == (file.device, file.inode)
