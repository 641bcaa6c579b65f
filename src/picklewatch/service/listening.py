"""Keeps the daemon's socket open: made at the start, made again if somebody removed it, gone at the end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import structlog

from picklewatch.core.errors import Error
from picklewatch.ipc import places
from picklewatch.ipc.server import SocketServer
from picklewatch.service.interval import Interval

if TYPE_CHECKING:
    from picklewatch.ipc.places import SocketPlace
    from picklewatch.ipc.server import Answering
    from picklewatch.telemetry.health import Health

_log = structlog.get_logger()

_SECONDS: Final = 5.0


class Listening:
    """The socket in *place*, on which *answer* is asked. Used by the main thread."""

    def __init__(self, place: SocketPlace, answer: Answering, health: Health) -> None:
        self._place, self._answer, self._health = place, answer, health
        self._server: SocketServer | None = None
        self._identity: tuple[int, int] | None = None
        self._due = Interval(_SECONDS)

    def look_after(self, now: float) -> None:
        """Listen, unless that is so already; a place that can't be used is a problem, and tried again."""
        if not self._due.is_due(now):
            return
        if self._is_well():
            return
        self._close()
        try:
            self._open()
        except (OSError, Error, RuntimeError) as error:
            self._close()
            hint = "Commands of other users can't ask this daemon meanwhile; docs/socket.md says where it listens."
            reason = f"the socket in {self._place.directory} can't be made: {error}"
            self._health.degrade("socket-missing", reason, subject=str(self._place.directory), hint=hint)
            return
        self._health.repair("socket-missing", subject=str(self._place.directory))
        _log.info("socket.ready", path=str(self._place.directory), everyone=self._place.is_system)

    def stop(self) -> None:
        """Close the socket, and remove it if it is still this one."""
        is_mine = self._server is not None and places.identity(self._place) == self._identity
        self._close()
        if is_mine:
            places.remove(self._place)

    def _is_well(self) -> bool:
        """Return True if clients find the socket, and its threads run."""
        is_alive = self._server is not None and self._server.is_alive
        return is_alive and places.identity(self._place) == self._identity

    def _open(self) -> None:
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(places.listen(self._place))
            self._identity = places.identity(self._place)
            self._server = SocketServer(listener, self._answer)
            stack.pop_all()
        self._server.start()

    def _close(self) -> None:
        if self._server is not None:
            self._server.stop(_STOP_SECONDS)
        self._server = None


_STOP_SECONDS: Final = 2.0
