"""Where the daemons' sockets are, and which of them are believed.

A path proves nothing: another user may have made it first. So the directory is opened once, without following a link,
and looked at; whoever listens there must be its owner. Names are used relative to that descriptor. Abstract names,
which anybody can take, are not used.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import Error
from picklewatch.core.state_layout import SOCKET

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SYSTEM: Final = Path("/run/picklewatch")
"""The system's daemon listens here; only root can make it."""
GUARD: Final = Path("/run/picklewatch-guard")
"""The guard listens here for the daemon; only root can make it."""
INSTANCES: Final = Path("/run/picklewatch-users")
"""The same of the template unit's instances: ``picklewatch@ada`` has a directory ``ada`` here."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_BACKLOG: Final = 32


class UntrustedSocketError(Error):
    """A socket, or its directory, may be somebody else's."""


@dataclass(frozen=True, slots=True)
class SocketPlace:
    """A directory with a daemon's socket in it."""

    directory: Path
    is_system: bool = False
    """True for the system's: root alone could make it. Else it must be this user's."""


def system_place() -> SocketPlace:
    """Return the system's."""
    return SocketPlace(SYSTEM, is_system=True)


def own_places(environ: Mapping[str, str] = os.environ) -> tuple[SocketPlace, ...]:
    """Return where a daemon of this user's own may listen, apart from its state directory."""
    places = []
    if (runtime := _runtime_directory(environ)) is not None:
        places.append(SocketPlace(runtime))
    with contextlib.suppress(KeyError):
        places.append(SocketPlace(INSTANCES / pwd.getpwuid(os.geteuid()).pw_name))
    return tuple(places)


def place_of_daemon(state: Path, *, is_default: bool, environ: Mapping[str, str] = os.environ) -> SocketPlace:
    """Return where the daemon with the directory *state* listens; *is_default* if nobody named that directory.

    A daemon with a directory of its own listens in there: another one may have the usual place.
    """
    if systemd := environ.get("RUNTIME_DIRECTORY"):
        directory = Path(systemd.split(":", 1)[0])
        return SocketPlace(directory, is_system=directory == SYSTEM)
    if is_default and os.geteuid() == 0:
        return system_place()
    runtime = _runtime_directory(environ) if is_default else None
    return SocketPlace(state if runtime is None else runtime)


def _runtime_directory(environ: Mapping[str, str]) -> Path | None:
    base = environ.get("XDG_RUNTIME_DIR", "")
    return Path(base) / "picklewatch" if base.startswith("/") and Path(base).is_dir() else None


@contextlib.contextmanager
def trusted(place: SocketPlace) -> Iterator[tuple[int, int]]:
    """Open the directory of *place*; give its descriptor and its owner.

    Raises `UntrustedSocketError`; `OSError` if it is not there or can't be opened.
    """
    fd = os.open(place.directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if place.is_system:
            _ensure(place.directory.parent.stat(), 0, place.directory.parent)
        _ensure(status, status.st_uid if place.is_system else os.geteuid(), place.directory)
        yield fd, status.st_uid
    finally:
        os.close(fd)


def _ensure(status: os.stat_result, owner: int, directory: Path) -> None:
    """Raise `UntrustedSocketError` unless the directory is *owner*'s, and nobody else writes to it."""
    if status.st_uid != owner or status.st_mode & _OTHERS_WRITE:
        mode = stat.S_IMODE(status.st_mode)
        message = f"{directory} is not believed: it belongs to user {status.st_uid}, with mode {mode:04o}"
        raise UntrustedSocketError(message, f"It should belong to user {owner}, and be writable by nobody else.")


def address(directory: int) -> str:
    """Return the address of the socket in the open *directory*: short, and through no link."""
    return f"/proc/self/fd/{directory}/{SOCKET}"


def listen(place: SocketPlace) -> socket.socket:
    """Listen in *place*, made if need be; for everybody if it is the system's, else for this user alone.

    What a dead daemon left is replaced: the state's lock says that it is dead.

    Raises `OSError`, `UntrustedSocketError`.
    """
    mine = SocketPlace(place.directory)  # the system's, too, is this daemon's own
    _make(place)
    with trusted(mine) as (directory, _), contextlib.ExitStack() as stack:
        with contextlib.suppress(FileNotFoundError):
            if not stat.S_ISSOCK(os.stat(SOCKET, dir_fd=directory, follow_symlinks=False).st_mode):
                raise UntrustedSocketError(f"{place.directory / SOCKET} is no socket", "Remove it.")
            os.unlink(SOCKET, dir_fd=directory)
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC))
        listener.setblocking(False)
        listener.bind(address(directory))
        os.chmod(SOCKET, 0o666 if place.is_system else 0o600, dir_fd=directory)  # whatever the umask is
        listener.listen(_BACKLOG)
        stack.pop_all()
    return listener


def _make(place: SocketPlace) -> None:
    """Make the directory of *place* if it is missing; one that is there keeps its mode."""
    place.directory.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        place.directory.mkdir(mode=0o700)
        place.directory.chmod(0o755 if place.is_system else 0o700)


def identity(place: SocketPlace) -> tuple[int, int] | None:
    """Return the device and inode of the socket in *place*; None if there is none."""
    try:
        status = (place.directory / SOCKET).lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def remove(place: SocketPlace) -> None:
    """Remove the socket in *place*; the directory stays."""
    with contextlib.suppress(OSError):
        (place.directory / SOCKET).unlink()
