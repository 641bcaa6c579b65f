"""The reasons for which a step is refused, with a hint. Nothing was changed when one of these is raised."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from picklewatch.core.errors import QuarantineError
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


class ChangedError(QuarantineError):
    """The file is no longer the one that was judged (changed, replaced, gone): scan again."""


class KeptError(ChangedError):
    """The same, and a file that was swapped in has lost its name to another one meanwhile: it is kept."""


class ForeignFileError(QuarantineError):
    """The file is neither that of the cache's owner, nor one that they could remove."""


class OutsideError(QuarantineError):
    """No watched directory has a name of the file: it was judged for a link that leads out of one."""


class StoreFullError(QuarantineError):
    """There is no room in the vault."""


class DiskFailsError(QuarantineError):
    """A file system fails, or is read-only at the moment; the step may work later."""


class NotPermittedError(QuarantineError):
    """The system refuses a step on this file or directory, such as one that is immutable; somebody may change that."""


class UnfinishedError(QuarantineError):
    """A step failed half way and could not be undone now; it is in the journal, and `Vault.recover` ends it."""

    def __init__(self, message: str, hint: str = "", *, cause: QuarantineError | None = None) -> None:
        super().__init__(message, hint)
        self.cause = cause


def unfinished(item_id: str, error: OSError) -> UnfinishedError:
    """Return the error for a person when the system let a step on *item_id* be neither completed nor undone."""
    cause = refusal(error, item_id)
    hint = cause.hint or "the daemon tries again soon, and when it starts"
    message = f"{item_id} could be neither taken to its end nor put back just now: {error}"
    return UnfinishedError(message, hint, cause=cause)


@contextlib.contextmanager
def errors_for_people(what: str) -> Iterator[None]:
    """Turn the system's errors into those for a person."""
    try:
        yield
    except OSError as error:
        raise refusal(error, what) from error


def refusal(error: OSError, what: str) -> QuarantineError:
    """Return the error for a person when the system refused a step on *what*."""
    reason = f"{printable(what)}: {error.strerror or error}"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            hint = "make room on the disk of the store, or run: picklewatch quarantine purge"
            return StoreFullError(f"no room left for {reason}", hint)
        case errno.ENOENT | errno.ELOOP | errno.ENOTDIR | errno.ESTALE:
            return ChangedError(f"a part of the path is gone or has become a link, {reason}")
        case errno.EEXIST:
            return ChangedError(f"something has a name that a step needed, {reason}")
        case errno.EROFS | errno.EIO:
            hint = (
                "look after its disk; under systemd, name the directory in ReadWritePaths= (see the quarantine drop-in)"
            )
            return DiskFailsError(f"the file system can't be written to, {reason}", hint)
        case errno.EACCES | errno.EPERM:
            hint = "the user that picklewatch runs as needs to write to the directory; see the quarantine drop-in"
            return NotPermittedError(f"not permitted, {reason}", f"{hint}; `lsattr` shows an immutable file")
        case _:
            return NotPermittedError(reason)
