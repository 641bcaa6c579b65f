"""The process that judges what the answerer does not know: scanners of its own, and no privilege.

Nobody's open waits for more than the verdict: it goes to the answerer first, and what is logged follows. It is forked
by `picklewatch.guard.warden`, so that it needs no import, and no file, while others wait.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from picklewatch.core.errors import Error
from picklewatch.core.model import Judgement
from picklewatch.guard.board import Beat
from picklewatch.guard.daemon_link import DaemonLink
from picklewatch.guard.judging import judge_content
from picklewatch.guard.lanes import Lanes
from picklewatch.guard.reports import Asker, OpenReport, Reporter, asker_of
from picklewatch.guard.states import (
    MESSAGE,
    STATE,
    Answer,
    JudgedState,
    Question,
    QuestionKind,
    pack_exempt,
    pack_forget,
    pack_judged,
    pack_known,
    unpack_question,
)

if TYPE_CHECKING:
    from picklewatch.guard.board import Board
    from picklewatch.guard.judging import JudgeSettings
    from picklewatch.ipc.guard_messages import KnownVerdict, VouchedContent
    from picklewatch.sandbox import Scanner

_SCM: Final = 4
_REMEMBERED: Final = 10_000


class Judge:
    """Takes questions, has scanners judge them, and answers."""

    def __init__(self, settings: JudgeSettings, warden: socket.socket, board: Board, beat: float) -> None:
        self._settings, self._warden, self._board, self._beat = settings, warden, board, beat
        self._link = DaemonLink(settings.socket, self)
        self._answerer: socket.socket | None = None
        self._lanes: Lanes[tuple[Question, int]] = Lanes()
        self._denied: dict[bytes, Judgement] = {}
        self._reporter = Reporter()

    def run(self) -> None:
        """Work until the warden's socket is closed."""
        self._start_threads()
        self._warden.send(b"ready")
        poll = select.poll()
        poll.register(self._warden, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll(self._beat * 1000)}
            self._board.beat(Beat.JUDGE)
            if self._answerer is not None and self._answerer.fileno() in ready and not self._hear(self._answerer):
                self._lose_answerer(poll)
            if self._warden.fileno() in ready and not self._hear_warden(poll):
                self._reporter.end(self._board.numbers())
                return

    def _start_threads(self) -> None:
        """Start the scanners, and wait until they are ready: nobody's open shall."""
        scanners = [self._settings.make_scanner() for _ in range(max(2, self._settings.workers))]
        for number, scanner in enumerate(scanners):
            scanner.protections  # noqa: B018 - waits until it is ready
            arguments = (scanner, number == 0)
            threading.Thread(target=self._work, args=arguments, name=f"guard-scan-{number}", daemon=True).start()
        self._reporter.start()
        if reason := self._link.start():
            self._reporter.put({"note": "alone", "path": str(self._settings.socket), "message": reason})

    # --- the thread that hears

    def _lose_answerer(self, poll: select.poll) -> None:
        if self._answerer is not None:
            poll.unregister(self._answerer)
            self._answerer.close()
            self._answerer = None

    def _hear_warden(self, poll: select.poll) -> bool:
        """Take a new answerer's socket, or a note for the log; return False if the warden has closed its own."""
        try:
            message, rights, _, _ = self._warden.recvmsg(64 << 10, socket.CMSG_SPACE(_SCM), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if rights:
            self._lose_answerer(poll)
            self._answerer = socket.socket(fileno=int.from_bytes(rights[0][2][:_SCM], "little"))
            poll.register(self._answerer, select.POLLIN)
            self._link.restart()  # it knows nothing yet
        elif message:
            self._reporter.put(json.loads(message))
        return bool(message)

    def _hear(self, answerer: socket.socket) -> bool:
        """Take a question; return False if the answerer has ended."""
        try:
            message, rights, _, _ = answerer.recvmsg(MESSAGE, socket.CMSG_SPACE(_SCM), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if rights:
            fd = int.from_bytes(rights[0][2][:_SCM], "little")
            try:
                self._take(unpack_question(message), fd)
            except ValueError:
                os.close(fd)
        return bool(message)

    def _take(self, question: Question, fd: int) -> None:
        if question.kind is QuestionKind.ASK:
            self._lanes.put((question, fd), os.fstat(fd).st_size)
            return
        path = _path(question, fd)
        os.close(fd)
        if question.kind is QuestionKind.LATE:
            self._reporter.put(OpenReport(question.state, path, None, (), asker_of(question.pid)))
        elif (judgement := self._denied.get(question.state)) is not None:
            self._report(question, path, judgement, asker_of(question.pid))

    # --- the thread that hears the daemon

    def begin_link(self, pid: int) -> bool:
        """Forget what was told, and let the daemon *pid* open everything; return False if there is no answerer now."""
        self._settings = replace(self._settings, policy=self._settings.configured)
        self._denied.clear()
        return self._send(pack_forget()) and self._send(pack_exempt(pid))

    def end_link(self) -> None:
        """Treat the former daemon's process as any other."""
        self._send(pack_exempt(0))

    def learn_allowed(self, contents: tuple[VouchedContent, ...]) -> None:
        """Take contents that the operator allows."""
        policy = self._settings.policy
        digests = {**policy.allowed_digests, **{content.sha256: content.reason for content in contents}}
        known = {content.sha256: content.size for content in contents if content.size is not None}
        policy = replace(policy, allowed_digests=digests, allowed_sizes={**policy.allowed_sizes, **known})
        self._settings = replace(self._settings, policy=policy)

    def learn_verdicts(self, files: tuple[KnownVerdict, ...]) -> None:
        """Take verdicts, and pass them on."""
        known = []
        for file in files:
            is_denied = file.verdict.rank >= self._settings.deny.rank
            state = STATE.pack(file.device, file.inode, file.size, file.mtime_ns, file.ctime_ns)
            known.append((state, Answer.DENY if is_denied else Answer.ALLOW))
            if is_denied:
                self._remember(state, Judgement(verdict=file.verdict, reasons=()))
        self._send(pack_known(known))

    # --- the threads that judge

    def _work(self, scanner: Scanner, only_small: bool) -> None:  # noqa: FBT001 - a thread's argument
        while True:
            question, fd = self._lanes.take(only_small=only_small)
            try:
                self._judge(question, fd, scanner)
            finally:
                os.close(fd)

    def _judge(self, question: Question, fd: int, scanner: Scanner) -> None:
        try:
            judged, judgement = judge_content(question, fd, scanner, self._settings)
        except (Error, OSError):  # the sandbox does not start: a machine's fault says nothing about the content
            self._publish(JudgedState(Answer.LATE, keep=False, asked=question.state, judged=question.state))
            return
        denied = judged.answer is Answer.DENY
        asker = asker_of(question.pid) if denied else Asker(question.pid)  # it is there: it waits
        path = _path(question, fd)
        self._publish(judged)
        if denied:
            self._remember(judged.judged, judgement)
            self._report(question, path, judgement, asker)

    def _publish(self, judged: JudgedState) -> None:
        """Answer; to whichever answerer there is, for a state has one verdict."""
        self._send(pack_judged(judged))

    def _send(self, message: bytes) -> bool:
        """Send *message* to the answerer; return False if there is none, or it has ended: another asks again."""
        answerer = self._answerer
        if answerer is None:
            return False
        try:
            answerer.send(message)
        except OSError:
            return False
        return True

    def _remember(self, state: bytes, judgement: Judgement) -> None:
        if len(self._denied) >= _REMEMBERED:
            self._denied.clear()
        self._denied[state] = judgement

    def _report(self, question: Question, path: str, judgement: Judgement, asker: Asker) -> None:
        verdict = judgement.effective.value
        self._reporter.put(OpenReport(question.state, path, verdict, judgement.reasons, asker))


def _path(question: Question, fd: int) -> str:
    """Return where the file is: as the answerer found it, else as the opener sees it."""
    with contextlib.suppress(OSError):
        return os.fsdecode(question.path or os.readlink(b"/proc/self/fd/%d" % fd))  # noqa: PTH115 - bytes
    return ""
