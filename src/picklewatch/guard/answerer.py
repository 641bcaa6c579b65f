"""The process that answers the kernel: one thread, the standard library, nothing that could wait for an open.

While it has the group, every open on the file systems that it marked waits for this loop. An open, import, log line or
wait of its own would wait for itself; so everything is imported, opened and locked in memory before the mark is set.
What the table does not know goes to the judge with the event's own descriptor, which asks nobody.

`picklewatch.guard.answerer_process` starts it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import stat
import time
from typing import TYPE_CHECKING, Final

from picklewatch.guard import fanotify
from picklewatch.guard.board import Beat, Board, GuardCount
from picklewatch.guard.guarded_trees import GuardedTrees
from picklewatch.guard.held_questions import HeldQuestion, HeldQuestions
from picklewatch.guard.quiet_directories import QuietDirectories
from picklewatch.guard.states import (
    MESSAGE,
    Answer,
    Exempt,
    Forget,
    JudgedState,
    KnownStates,
    Question,
    QuestionKind,
    pack_question,
    state_of,
    unpack_from_judge,
)
from picklewatch.guard.verdict_table import VerdictTable

if TYPE_CHECKING:
    from picklewatch.guard.answerer_start import AnswererStart

ASK: Final = fanotify.OPEN_PERM | fanotify.ACCESS_PERM
"""Opens alone leave ways: opened before the content came, written after it was judged, sendfile, copy_file_range."""
_READS_IGNORED: Final = fanotify.MARK_IGNORED_MASK | fanotify.MARK_EVICTABLE
"""Until the content changes. Never opens: who writes through a mapping later would clear no such mark."""
_MESSAGES: Final = 8
"""Messages of the judge that are taken in a row."""
_CHANGES: Final = 3
"""Questions about one open or read of a file that changes all the time."""
_SCM: Final = 4


class AnswerLoop:
    """Answers until the warden's socket is closed."""

    def __init__(self, start: AnswererStart) -> None:
        self._start = start
        self._board = Board(start.board)
        self._counts = [0] * len(GuardCount)
        self._warden = socket.socket(fileno=start.warden)
        self._judge: socket.socket | None = None
        self._judge_pid = 0
        self._daemon_pid = 0
        self._table = VerdictTable()
        self._held = HeldQuestions(start.max_wait)
        self._poll = select.poll()
        self._trees = GuardedTrees(map(os.fsencode, start.trees), map(os.fsencode, start.mounted))
        self._group = fanotify.group(fanotify.CLASS_CONTENT | fanotify.UNLIMITED)
        self._moves = fanotify.group(fanotify.REPORT_DFID_NAME)
        self._quiet = QuietDirectories(self._group, self._trees, ASK)

    def mark(self) -> None:
        """Set the marks: from now on everybody waits for `run`.

        Raises `OSError`.
        """
        add, moves = fanotify.MARK_ADD | fanotify.MARK_FILESYSTEM, fanotify.MOVED_TO | fanotify.ONDIR
        self._trees.each_file_system(lambda directory: fanotify.mark(self._moves, add, moves, directory))
        self._trees.each_file_system(lambda directory: fanotify.mark(self._group, add, ASK, directory))
        for source in (self._warden, self._moves, self._group):
            self._poll.register(source, select.POLLIN)
        self._board.beat(Beat.ANSWERER)
        self._warden.send(b"ready")

    def run(self) -> None:
        """Answer until the warden has closed its socket."""
        while True:
            ready = {fd for fd, _ in self._poll.poll(self._pause())}
            self._board.beat(Beat.ANSWERER)
            if self._warden.fileno() in ready and not self._hear_warden():
                return
            if self._judge is not None and self._judge.fileno() in ready:
                self._hear_judge(self._judge)
            if self._moves in ready and fanotify.directories_moved(self._moves):
                self._trees.refresh()
                self._quiet.lift()
            if self._group in ready:
                self._take_questions()
            for held in self._held.overdue(time.monotonic()):
                self._answer_late(held)
            self._ask_judge()
            self._counts[GuardCount.HELD] = len(self._held)
            self._board.write(self._counts)

    def close(self) -> None:
        """Give the group back: the kernel lets everybody pass who waits."""
        with contextlib.suppress(OSError):
            os.close(self._group)

    def _pause(self) -> float:
        """Return the milliseconds until something is to be done."""
        pause = self._start.beat
        if (at := self._held.wake_at()) is not None:
            pause = max(0.0, min(pause, at - time.monotonic()))
        return pause * 1000

    # --- the kernel's questions

    def _take_questions(self) -> None:
        try:
            questions = fanotify.questions(self._group)
        except OSError:  # that file can't be opened for us: the kernel refused its open
            self._counts[GuardCount.UNREADABLE] += 1
            return
        for mask, fd, pid in questions:
            self._counts[GuardCount.ASKED] += 1
            now = time.monotonic()
            self._decide(mask, HeldQuestion(fd, pid, now, self._held.deadline(now), 0))

    def _decide(self, mask: int, held: HeldQuestion) -> None:
        """Answer one question, or have it wait for the judge. The order is explained in docs/guard.md."""
        status = os.fstat(held.fd)
        is_ours = held.pid != 0 and held.pid in (self._daemon_pid, self._start.warden_pid, self._judge_pid)
        if is_ours or not stat.S_ISREG(status.st_mode) or not status.st_size:
            self._answer(held, Answer.ALLOW)
            return
        state = state_of(status)
        known = self._table.answer(state)
        if known is Answer.DENY:
            self._counts[GuardCount.KNOWN] += 1
            self._report(QuestionKind.DENIED, held)
            self._answer(held, Answer.DENY)
        elif known is Answer.ALLOW and self._allow_judged(held, state):
            self._counts[GuardCount.KNOWN] += 1
        else:
            self._decide_unknown(mask, held, os.fstat(held.fd))

    def _decide_unknown(self, mask: int, held: HeldQuestion, status: os.stat_result) -> None:
        is_inside, path = self._trees.locate(held.fd, status.st_dev)
        state = state_of(status)
        if not is_inside and status.st_nlink <= 1:  # of several names, one may be inside
            self._counts[GuardCount.OUTSIDE] += 1
            self._counts[GuardCount.QUIETED] += self._quiet.note(path, status.st_dev)
            self._answer(held, Answer.ALLOW)
        elif mask & fanotify.OPEN_PERM and _has_writer(held.fd):
            # a download that is resumed must get its file; reads through that descriptor are asked about
            self._counts[GuardCount.WRITERS] += 1
            self._answer(held, Answer.ALLOW)
        elif self._held.is_full:
            self._counts[GuardCount.FULL] += 1
            self._answer_late(held)
        elif self._held.is_lapsed(state):
            self._answer_late(held)
        else:
            self._held.hold(state, path, held)

    def _allow_judged(self, held: HeldQuestion, state: bytes) -> bool:
        """Allow what was judged in *state*, and its reads until it changes; return False if it has changed by now."""
        is_ignored = False
        if not _has_writer(held.fd):
            with contextlib.suppress(OSError):  # no memory for a mark: its reads are asked about
                fanotify.mark(self._group, fanotify.MARK_ADD | _READS_IGNORED, fanotify.ACCESS_PERM, held.fd)
                is_ignored = True
        # First the mark, then the look: what is written in between clears the mark.
        if state_of(os.fstat(held.fd)) == state:
            self._answer(held, Answer.ALLOW)
            return True
        if is_ignored:
            with contextlib.suppress(OSError):  # it is gone already
                flags = fanotify.MARK_REMOVE | fanotify.MARK_IGNORED_MASK
                fanotify.mark(self._group, flags, fanotify.ACCESS_PERM, held.fd)
        return False

    def _answer(self, held: HeldQuestion, answer: Answer) -> None:
        if answer is Answer.DENY:
            self._counts[GuardCount.DENIED] += 1
        fanotify.answer(self._group, held.fd, fanotify.DENY if answer is Answer.DENY else fanotify.ALLOW)
        waited = int((time.monotonic() - held.since) * 1000)
        self._counts[GuardCount.LONGEST_MS] = max(self._counts[GuardCount.LONGEST_MS], waited)

    def _answer_late(self, held: HeldQuestion) -> None:
        self._counts[GuardCount.LATE] += 1
        self._report(QuestionKind.LATE, held)
        self._answer(held, self._start.late)

    # --- the judge

    def _ask_judge(self) -> None:
        if self._judge is None:
            return
        while (question := self._held.next_to_send()) is not None:
            state, path, held = question
            if not self._send(Question(QuestionKind.ASK, held.pid, state, path), held.fd):
                return
            self._held.sent(state)
            self._counts[GuardCount.JUDGED] += 1

    def _report(self, kind: QuestionKind, held: HeldQuestion) -> None:
        """Tell the judge, for the log, what becomes of *held*; nobody waits for that."""
        status = os.fstat(held.fd)
        path = self._trees.locate(held.fd, status.st_dev)[1]
        self._send(Question(kind, held.pid, state_of(status), path), held.fd)

    def _send(self, question: Question, fd: int) -> bool:
        """Send *question* with its descriptor; return False if the judge takes none now."""
        if self._judge is None:
            return False
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd.to_bytes(_SCM, "little"))]
        try:
            self._judge.sendmsg([pack_question(question)], rights, socket.MSG_DONTWAIT)
        except OSError:  # it is busy, or gone: then its end of the socket says so
            return False
        return True

    def _hear_judge(self, judge: socket.socket) -> None:
        """Take the judge's verdicts."""
        for _ in range(_MESSAGES):  # not all: whoever asks shall not wait for the daemon to have said everything
            try:
                message = judge.recv(MESSAGE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            if not message:
                self._lose_judge()
                return
            with contextlib.suppress(ValueError):
                self._take_message(unpack_from_judge(message))

    def _take_message(self, message: JudgedState | KnownStates | Exempt | Forget) -> None:
        if isinstance(message, JudgedState):
            self._take_verdict(message)
        elif isinstance(message, KnownStates):
            for state, answer in message.answers:
                self._table.put(state, answer)
                if self._held.waits_for(state):  # the daemon was sooner than our judge
                    self._take_verdict(JudgedState(answer, keep=True, asked=state, judged=state))
        elif isinstance(message, Exempt):
            self._daemon_pid = message.pid
        else:
            self._table.clear()
            self._quiet.lift()

    def _take_verdict(self, judged: JudgedState) -> None:
        if judged.keep:
            self._table.put(judged.judged, judged.answer)
        for held in self._held.release(judged.asked):
            status = os.fstat(held.fd)
            if state_of(status) != judged.judged:
                self._decide_again(held)
            elif judged.answer is Answer.LATE:
                self._answer_late(held)
            elif judged.answer is Answer.DENY or not judged.keep:
                self._answer(held, judged.answer)
            elif not self._allow_judged(held, judged.judged):
                self._decide_again(held)

    def _decide_again(self, held: HeldQuestion) -> None:
        """Ask about the new state of a file that changed meanwhile; not for ever."""
        if held.tries + 1 >= _CHANGES:
            self._answer_late(held)
        else:
            # whether it was an open matters only where somebody writes, and this one has waited like a read
            self._decide(fanotify.ACCESS_PERM, held._replace(tries=held.tries + 1))

    def _lose_judge(self) -> None:
        """Forget the judge that has ended; the warden sends another, which is asked everything again."""
        if self._judge is not None:
            self._poll.unregister(self._judge)
            self._judge.close()
        self._judge, self._judge_pid, self._daemon_pid = None, 0, 0
        self._held.ask_again()

    # --- the warden

    def _hear_warden(self) -> bool:
        """Take a new judge's socket; return False if the warden has closed its own."""
        try:
            message, rights, _, _ = self._warden.recvmsg(64, socket.CMSG_SPACE(_SCM), socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not message:
            return False
        if rights:
            self._lose_judge()
            self._judge = socket.socket(fileno=int.from_bytes(rights[0][2][:_SCM], "little"))
            self._judge_pid = int(message)
            self._poll.register(self._judge, select.POLLIN)
        return True


def _has_writer(fd: int) -> bool:
    """Return True if anybody, the waiting opener included, has the file open or mapped for writing.

    The kernel then refuses a read lease. Where it has no leases writers can't be seen.
    """
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
