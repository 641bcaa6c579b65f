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

STATE: Final = struct.Struct("=QQqqq")
"""Device, inode, size, mtime and ctime in nanoseconds: the fields of `FileId` in their order."""
_QUESTION: Final = struct.Struct("=B3xi40s")
_VERDICT: Final = struct.Struct("=B?2x40s40s")
_LONGEST: Final = (1 << 63) - 1
MESSAGE: Final = _QUESTION.size + 4096
"""Bytes of a message, at most: a path follows the header."""


class QuestionKind(IntEnum):
    """The reasons for a message to the judge."""

    ASK = 1
    """A content is not known; its descriptor comes along."""
    DENIED = 2
    """A content that was known was refused: this is for the record."""


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


def state_of(status: os.stat_result) -> bytes:
    """Return the state that *status* describes."""
    mtime = max(-_LONGEST, min(_LONGEST, status.st_mtime_ns))  # as `FileId` does: some disks know the year 3000
    ctime = max(-_LONGEST, min(_LONGEST, status.st_ctime_ns))
    return STATE.pack(status.st_dev, status.st_ino, status.st_size, mtime, ctime)


def pack_question(question: Question) -> bytes:
    """Return *question* as a message."""
    return _QUESTION.pack(question.kind, question.pid, question.state) + question.path[:4096]


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


def unpack_judged(message: bytes) -> JudgedState:
    """Return the judgement in *message*.

    Raises `ValueError`.
    """
    if len(message) != _VERDICT.size:
        raise ValueError("a judgement of another size")
    answer, keep, asked, judged = _VERDICT.unpack(message)
    return JudgedState(Answer(answer), keep, asked, judged)
