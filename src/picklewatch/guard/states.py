"""States of files as bytes, and the messages between the answerer and the judge. Standard library only.

A state is `picklewatch.core.model.FileId` packed: 40 bytes and its hash are all that the answerer's table costs per
file, beside the verdict. Every message has a fixed form, so that reading one is no parsing.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

STATE: Final = struct.Struct("=QQqqq")
"""Device, inode, size, mtime and ctime in nanoseconds: the fields of `FileId` in their order."""
_QUESTION: Final = struct.Struct("=B3xi40s")
_VERDICT: Final = struct.Struct("=B?2x40s40s")
_NUMBER: Final = struct.Struct("=B3xi")
_ENTRY: Final = struct.Struct("=40sB")
_KNOWN, _EXEMPT, _FORGET = 16, 17, 18
"""First bytes of the other messages from the judge; below them are answers."""
_LONGEST: Final = (1 << 63) - 1
MESSAGE: Final = 64 << 10
"""Bytes of a message, at most."""
_PATH: Final = 4096


class QuestionKind(IntEnum):
    """The reasons for a message to the judge."""

    ASK = 1
    """A content is not known; its descriptor comes along."""
    DENIED = 2
    """A content that was known was refused: this is for the log."""
    LATE = 3
    """An open or read was answered without a verdict: this is for the log, too."""


class Answer(IntEnum):
    """The answers to a question."""

    ALLOW = 1
    DENY = 2
    LATE = 3
    """Nothing is known of the content that could be acted on: it is for the configuration to choose."""


class Question(NamedTuple):
    """A message from the answerer."""

    kind: QuestionKind
    pid: int
    """The process that asks."""
    state: bytes
    """The state in which it is asked about."""
    path: bytes
    """The path on our own mount; empty if it is not known, as of a file with several names."""


class JudgedState(NamedTuple):
    """A message from the judge."""

    answer: Answer
    keep: bool
    """True if the answer holds for every open of the state that was judged."""
    asked: bytes
    """The state of the question."""
    judged: bytes
    """The state that was judged, which may be younger."""


class KnownStates(NamedTuple):
    """Answers for states that the daemon has judged."""

    answers: tuple[tuple[bytes, Answer], ...]


class Exempt(NamedTuple):
    """The daemon's process, 0 if there is none."""

    pid: int


class Forget(NamedTuple):
    """No former verdict holds: other contents are allowed now."""


def state_of(status: os.stat_result) -> bytes:
    """Return the state that *status* describes."""
    mtime = max(-_LONGEST, min(_LONGEST, status.st_mtime_ns))  # as `FileId` does: some disks know the year 3000
    ctime = max(-_LONGEST, min(_LONGEST, status.st_ctime_ns))
    return STATE.pack(status.st_dev, status.st_ino, status.st_size, mtime, ctime)


def pack_question(question: Question) -> bytes:
    """Return *question* as a message."""
    return _QUESTION.pack(question.kind, question.pid, question.state) + question.path[:_PATH]


def unpack_question(message: bytes) -> Question:
    """Return the question in *message*.

    Raises `ValueError`.
    """
    if len(message) < _QUESTION.size:
        raise ValueError("a question that is too short")
    kind, pid, state = _QUESTION.unpack_from(message)
    return Question(QuestionKind(kind), pid, state, message[_QUESTION.size :])


def pack_judged(judged: JudgedState) -> bytes:
    """Return *judged* as a message."""
    return _VERDICT.pack(judged.answer, judged.keep, judged.asked, judged.judged)


def pack_known(known: Iterable[tuple[bytes, Answer]]) -> bytes:
    """Return a message with the answers for states that others have judged: a thousand at most."""
    return _NUMBER.pack(_KNOWN, 0) + b"".join(_ENTRY.pack(state, answer) for state, answer in known)


def pack_exempt(pid: int) -> bytes:
    """Return the message that *pid* is the daemon, which is never asked; 0 for nobody."""
    return _NUMBER.pack(_EXEMPT, pid)


def pack_forget() -> bytes:
    """Return the message that no former verdict holds."""
    return _NUMBER.pack(_FORGET, 0)


def unpack_from_judge(message: bytes) -> JudgedState | KnownStates | Exempt | Forget:
    """Return what is in a *message* from the judge.

    Raises `ValueError`.
    """
    if not message or message[0] not in (_KNOWN, _EXEMPT, _FORGET):
        return _unpack_judged(message)
    if len(message) < _NUMBER.size or (len(message) - _NUMBER.size) % _ENTRY.size:
        raise ValueError("a message of another size")
    kind, number = _NUMBER.unpack_from(message)
    if kind == _EXEMPT:
        return Exempt(number)
    if kind == _FORGET:
        return Forget()
    entries = _ENTRY.iter_unpack(message[_NUMBER.size :])
    return KnownStates(tuple((state, Answer(answer)) for state, answer in entries))


def _unpack_judged(message: bytes) -> JudgedState:
    if len(message) != _VERDICT.size:
        raise ValueError("a judgement of another size")
    answer, keep, asked, judged = _VERDICT.unpack(message)
    return JudgedState(Answer(answer), keep, asked, judged)
