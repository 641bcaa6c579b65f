"""Keeps the recorded path of a file in step with where it is: renamed, in a renamed directory, or with another name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import structlog

from picklewatch.core.model import printable
from picklewatch.scanning import display_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.access.open_file import Subject
    from picklewatch.core.model import FileId, Record
    from picklewatch.store import Finished, Store

_log = structlog.get_logger()


class KnownNames:
    """The names of judged files. It asks file systems, so only workers may use it, and never within a transaction."""

    def __init__(self, store: Store) -> None:
        self._records = store.records

    def present(self, file: FileId) -> list[str]:
        """Return the known paths that lead to *file* now, through links or not."""
        return [path for path in self._records.names(file) if _leads_to(os.stat, path, file)]

    def is_linked(self, record: Record) -> bool:
        """Return True if the file of *record* was recorded under another path, and that is still the file, too."""
        was = None if record.file is None else self._records.path(record.file)
        return record.file is not None and was not in (None, record.path) and _leads_to(os.lstat, str(was), record.file)

    def note(self, subject: Subject) -> None:
        """Note that a file with a verdict is at *subject*'s path, as after a rename of its directory."""
        file, path = subject.file, subject.path
        was = self._records.path(file)
        if was in (None, path):
            return
        linked = _leads_to(os.lstat, str(was), file)
        names = [name for name in self.present(file) if name != path]
        verdict = self._records.note_path(file, path, display_names.describe(path), names, linked=linked)
        if verdict is not None:
            log_name(path, str(was), verdict, linked=linked)


def log_finished(record: Record, finished: Finished) -> None:
    """Log the new name that *record* was found under, if it has one."""
    verdict = record.judgement.verdict.value
    if finished.was is not None:
        log_name(record.path, finished.was, verdict, linked=False)
    elif finished.other is not None:
        log_name(record.path, finished.other, verdict, linked=True)


def log_name(path: str, was: str, verdict: str, *, linked: bool) -> None:
    """Log that a judged file has the name *path*, instead of *was* or, if *linked*, as well."""
    if linked:
        _log.info("file.linked", path=printable(path), other=printable(was), verdict=verdict)
    else:
        _log.info("file.renamed", path=printable(path), was=printable(was), verdict=verdict)


def _leads_to(look: Callable[[str], os.stat_result], path: str, file: FileId) -> bool:
    try:
        status = look(path)
    except (OSError, ValueError):
        return False
    return (status.st_dev, status.st_ino) == (file.device, file.inode)
