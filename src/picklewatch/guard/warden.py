"""The process that watches over the other two, and is the service that a manager sees.

An answerer that no longer answers holds everybody's opens for ever. The warden sees that its beat stops, and kills it:
the kernel then lets everyone pass, and another answerer starts. So the warden has no copy of the group's descriptor,
and while an answerer lives it opens nothing, imports nothing, logs nothing and waits for nobody: each of that could
wait for the very answerer that it is to end. It has one thread, and forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.errors import Error, ExitStatus
from picklewatch.guard.answerer_start import AnswererStart
from picklewatch.guard.board import Beat, Board
from picklewatch.guard.judge import Judge
from picklewatch.guard.privileges import die_with, drop_capabilities
from picklewatch.sandbox.starting import import_path, kept_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.guard.judging import JudgeSettings
    from picklewatch.guard.states import Answer
    from picklewatch.telemetry.sd_notify import Notifier

_START_SECONDS: Final = 90.0
_END_SECONDS: Final = 2.0
_LOOKS: Final = 10
"""Looks at the beats within one `stall`, at least."""
_LONGEST_LOOK: Final = 0.25
"""Seconds between two looks, at most: what ended is started again at one."""
_PAUSE: Final = 1.0
"""Seconds between two starts of a process that ends at once."""
_NOTES: Final = 100
_BOOT: Final = (
    "import sys; text, *path = sys.argv[1:]; sys.path[:] = path; "
    "from picklewatch.guard.answerer_process import main; main(text)"
)
"""Without `site`, which would import what is installed beside us."""
_HINTS: Final = {
    1: "It needs CAP_SYS_ADMIN: run it as root, or as the service picklewatch-guard.",
    22: "The kernel has no fanotify permission events (CONFIG_FANOTIFY_ACCESS_PERMISSIONS), or is older than 6.0.",
    24: "Set LimitNOFILE=65536 in the unit, or `ulimit -n 65536`.",
    38: "The kernel has no fanotify (CONFIG_FANOTIFY).",
    95: "Its files can't be found by handles, as on some network and FUSE file systems: such a tree can't be guarded.",
}


class GuardError(Error):
    """The guard can't be set up on this machine."""

    status = ExitStatus.CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What the guard goes by."""

    trees: tuple[str, ...]
    mounted: tuple[str, ...]
    """Where other file systems are mounted in the trees."""
    max_wait: float
    late: Answer
    stall: float
    judge: JudgeSettings
    configure_log: Callable[[], object]
    """Called in the judge, which writes the log."""


@dataclass(slots=True)
class _Child:
    """One of the two processes."""

    pid: int
    socket: socket.socket
    started: float
    is_ready: bool = False
    beat: float = 0.0
    silent: float = 0.0
    """Seconds for which this process has seen no new beat: not those for which it was stopped itself."""


class Warden:
    """Runs the guard."""

    def __init__(self, settings: GuardSettings, notifier: Notifier) -> None:
        self._settings, self._notifier = settings, notifier
        self._import_path = import_path()
        self._board = Board.create()
        self._children: dict[Beat, _Child] = {}
        self._start_at: dict[Beat, float] = {}
        self._look = min(settings.stall / _LOOKS, _LONGEST_LOOK)
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._dying: list[int] = []
        """Processes that were killed, and have not ended yet: their numbers are nobody else's."""
        self._notes: deque[bytes] = deque(maxlen=_NOTES)
        self._is_ending = False
        self._fed = 0.0

    def run(self) -> int:
        """Run until a signal ends it; return the exit status.

        Raises `GuardError`.
        """
        self._take_signals()
        try:
            self._start(Beat.JUDGE)
            self._wait_ready(Beat.JUDGE)
            self._start(Beat.ANSWERER)
            self._wait_ready(Beat.ANSWERER)
            self._connect()
            while not self._is_ending:
                self._watch()
        finally:
            self._notifier.stopping()
            self._end()
        return 0

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

        def end(_number: int, _frame: object) -> None:
            self._is_ending = True

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, end)

    # --- starting

    def _start(self, who: Beat) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        parent = os.getpid()
        pid = os.fork()  # not a module that waits for the program to be loaded: that is an open
        if pid == 0:
            try:
                ours.close()
                self._become(who, theirs, parent)
            except BaseException:  # noqa: BLE001 - a copy of the warden must not go on
                sys.excepthook(*sys.exc_info())
                os._exit(1)
        theirs.close()
        ours.setblocking(False)
        self._children[who] = _Child(pid, ours, time.monotonic())
        self._start_at.pop(who, None)

    def _become(self, who: Beat, warden: socket.socket, parent: int) -> None:
        """Be the child *who*, and do not come back."""
        os.setsid()  # Ctrl-C is for the warden
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        for child in self._children.values():
            child.socket.close()
        if who is Beat.JUDGE:
            die_with(parent)
            drop_capabilities()
            self._settings.configure_log()
            Judge(self._settings.judge, warden, self._board, self._look).run()
            os._exit(0)
        settings = self._settings
        os.set_inheritable(warden.fileno(), True)
        os.set_inheritable(self._board.fd, True)
        start = AnswererStart(
            warden=warden.fileno(),
            warden_pid=parent,
            board=self._board.fd,
            trees=settings.trees,
            mounted=settings.mounted,
            max_wait=settings.max_wait,
            late=settings.late,
            beat=self._look,
        )
        os.execve(  # noqa: S606 - our own interpreter, no shell
            sys.executable,
            [sys.executable, "-IS", "-c", _BOOT, start.to_json(), *self._import_path],
            kept_environment(),
        )

    def _wait_ready(self, who: Beat) -> None:
        """Wait for the first start of *who*: nothing is guarded yet.

        Raises `GuardError`.
        """
        child = self._children[who]
        poll = select.poll()
        poll.register(child.socket, select.POLLIN)
        poll.register(self._woken, select.POLLIN)
        deadline = child.started + _START_SECONDS
        while not child.is_ready and not self._is_ending:
            poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            with contextlib.suppress(BlockingIOError):
                os.read(self._woken, 512)
            with contextlib.suppress(BlockingIOError):
                self._hear_first(who, child)
            if not child.is_ready and time.monotonic() >= deadline:
                raise GuardError(f"the {who.name.lower()} does not start")

    def _hear_first(self, who: Beat, child: _Child) -> None:
        message = child.socket.recv(4096)
        if message == b"ready":
            child.is_ready = True
            return
        text = message.decode(errors="replace")
        if not text.startswith("failed "):
            raise GuardError(f"the {who.name.lower()} ended when it started", "`picklewatch doctor` may tell more.")
        _, number, reason = text.split(" ", 2)
        raise GuardError(f"opens can't be held here: {reason}", _HINTS.get(int(number), ""))

    def _connect(self) -> None:
        """Give both processes a new socket to each other, once both are there."""
        answerer, judge = self._children.get(Beat.ANSWERER), self._children.get(Beat.JUDGE)
        if answerer is None or judge is None or not (answerer.is_ready and judge.is_ready):
            return
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with one, other, contextlib.suppress(OSError):  # who has ended meanwhile is started again
            socket.send_fds(judge.socket, [b"answerer"], [one.fileno()])
            socket.send_fds(answerer.socket, [b"%d" % judge.pid], [other.fileno()])
        self._note("ready", answerer=answerer.pid, judge=judge.pid, trees=list(self._settings.trees))
        self._notifier.ready(f"Guarding {len(self._settings.trees)} trees")

    # --- watching

    def _watch(self) -> None:
        """Wait for the next look; do what is to be done."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        for child in self._children.values():
            poll.register(child.socket, select.POLLIN)
        began = time.monotonic()
        ready = {fd for fd, _ in poll.poll(self._look * 1000)}
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 512)
        for who, child in list(self._children.items()):
            if child.socket.fileno() in ready:
                self._hear(who, child)
            elif child.is_ready:
                self._check_beat(who, child, min(now - began, 2 * self._look))
        for who in [who for who, at in self._start_at.items() if at <= now]:
            self._start(who)
        self._dying = [pid for pid in self._dying if os.waitpid(pid, os.WNOHANG)[0] == 0]
        self._feed(now)

    def _hear(self, who: Beat, child: _Child) -> None:
        try:
            message = child.socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            message = b""
        if message == b"ready":
            child.is_ready = True
            self._connect()
        else:
            self._lose(who, child, message.decode(errors="replace") or "it ended")

    def _check_beat(self, who: Beat, child: _Child, passed: float) -> None:
        beat = self._board.last_beat(who)
        child.silent = child.silent + passed if beat == child.beat else 0.0
        child.beat = beat
        if child.silent >= self._settings.stall:
            self._lose(who, child, f"it showed no sign of life for {self._settings.stall:g} s")

    def _lose(self, who: Beat, child: _Child, why: str) -> None:
        """End *child*, if it has not ended, and have another started."""
        os.kill(child.pid, signal.SIGKILL)
        self._dying.append(child.pid)  # not waited for: its disk may not answer
        child.socket.close()
        del self._children[who]
        now = time.monotonic()
        is_repeated = now - child.started < _PAUSE
        self._start_at[who] = now + (_PAUSE if is_repeated else 0.0)
        self._note("restarted", process=who.name.lower(), pid=child.pid, reason=why)

    def _note(self, note: str, **fields: Any) -> None:
        """Have the judge log something, as soon as there is one: it may open files, and wait."""
        self._notes.append(json.dumps({"note": note, **fields}).encode())
        judge = self._children.get(Beat.JUDGE)
        if judge is None or not judge.is_ready:
            return
        with contextlib.suppress(OSError):  # it has ended, or is busy
            while self._notes:
                judge.socket.send(self._notes[0])
                self._notes.popleft()

    def _feed(self, now: float) -> None:
        """Show the service manager that the answerer answers."""
        watched = self._notifier.watchdog_seconds
        if watched and now - self._fed > watched / 4 and Beat.ANSWERER in self._children:
            self._fed = now
            self._notifier.alive()

    # --- ending

    def _end(self) -> None:
        """End the answerer, then the judge: whoever waits passes."""
        for who in (Beat.ANSWERER, Beat.JUDGE):
            child = self._children.pop(who, None)
            if child is None:
                continue
            child.socket.close()
            deadline = time.monotonic() + _END_SECONDS
            while os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                if time.monotonic() > deadline:
                    os.kill(child.pid, signal.SIGKILL)
                    os.waitpid(child.pid, 0)
                    break
                time.sleep(0.01)
