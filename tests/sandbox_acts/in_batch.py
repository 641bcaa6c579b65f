"""Acts of code that took a batch's child over. The content names the act; tests only.

The parent has the answers of honest contents before the act, and asks for those behind it by tokens that stand in
memory before each of them: `_tokens` reads them as an exploit would.
"""

from __future__ import annotations

import ctypes
import json
import os
import time
from typing import TYPE_CHECKING, Any, NoReturn

from picklewatch.analysis.sparse import address
from picklewatch.core.model import Finding, Level, Limits, ScanReport
from picklewatch.sandbox.answers import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "sandbox_acts.in_batch:act"
RESULT = 3
"""The child's result pipe."""
SIZE = 64
"""Bytes of every content, so that an act finds those behind it."""


def content(act: str) -> bytes:
    """Make the content that names *act*."""
    return act.encode().ljust(SIZE, b"\n")


def act(data: Any, _limits: Limits, _tell: object = None) -> ScanReport:
    """Do what the content *data* names; ``harmless N`` is a pickle of so many opcodes, ``hostile`` is malicious."""
    name, _, number = bytes(data[:SIZE]).split(b"\n")[0].decode("latin-1").partition(" ")
    if name in ACTS:
        ACTS[name](data)
    if name != "hostile":
        return ScanReport(format="pickle", complete=True, code_bearing=True, opcodes=int(number or 0), imports=("a.b",))
    finding = Finding(rule="act-done", level=Level.MALICIOUS, where="", summary="It would do harm.")
    return ScanReport(format="pickle", complete=True, code_bearing=True, findings=(finding,))


def _tokens(data: Any, number: int) -> list[str]:
    """Read the tokens of this content and the next ones."""
    start = address(data) - TOKEN
    return [ctypes.string_at(start + index * (SIZE + TOKEN), TOKEN).hex() for index in range(number)]


def _inert(token: str, **changes: object) -> bytes:
    head = {"format": "pickle", "complete": True, "code_bearing": True, "pickles": 1, "opcodes": 9, "imports": []}
    return json.dumps(["inert", {"token": token, **head, **changes}]).encode() + b"\n"


def _say(*lines: bytes) -> None:
    os.write(RESULT, b"".join(lines))


def _end(*lines: bytes) -> NoReturn:
    _say(*lines)
    os._exit(0)


def _loop() -> NoReturn:
    while True:
        pass


def _grow() -> NoReturn:
    held = []
    while True:
        held.append(bytearray(1 << 20))


ACTS: dict[str, Callable[[Any], object]] = {
    "crash": lambda _: ctypes.string_at(0),
    "abort": lambda _: os.abort(),
    "exit": lambda _: os._exit(5),
    "end-silently": lambda _: os._exit(0),
    "loop": lambda _: _loop(),
    "sleep": lambda _: time.sleep(600),
    "grow": lambda _: _grow(),
    "raise": lambda _: 1 // 0,
    "open": lambda _: os.open("/etc/passwd", os.O_RDONLY),
    "fork": lambda _: os.fork(),
    "socket": lambda _: ctypes.CDLL(None).socket(1, 1, 0),
    "garbage": lambda _: _say(b"\x00\xff\n"),
    "half-line": lambda _: _end(b'["inert'),
    "answer-twice": lambda data: _say(_inert(_tokens(data, 1)[0])),
    "answer-for-next-first": lambda data: _say(*map(_inert, _tokens(data, 2)[::-1])),
    "answer-for-next-unread": lambda data: _say(_inert(_tokens(data, 1)[0]), _inert("0" * 32)),
    "answer-for-next-and-go-on": lambda data: _say(*map(_inert, _tokens(data, 2))),
    "answer-for-others-by-own-token": lambda data: _end(*map(_inert, _tokens(data, 1) * 4)),
    "answer-out-of-range": lambda data: _end(*map(_inert, [*_tokens(data, 1), *["ff" * 16] * 300])),
    "answer-without-token": lambda _: _end(_inert("")),
    "answer-a-number": lambda _: _end(b'["inert",1]\n', b'["alone",1]\n'),
    "answer-incomplete": lambda data: _end(_inert(_tokens(data, 1)[0], complete=False)),
    "answer-with-digest": lambda data: _end(_inert(_tokens(data, 1)[0], sha256="00" * 32)),
    "answer-with-findings": lambda data: _end(_inert(_tokens(data, 1)[0], findings=[])),
    "answer-huge-count": lambda data: _end(_inert(_tokens(data, 1)[0], opcodes=10**400)),
    "answer-many-imports": lambda data: _end(_inert(_tokens(data, 1)[0], imports=["a.b"] * 2_001)),
    "accuse-others": lambda _: _end(
        b'["seen",{"rule":"a","level":"malicious","where":"","summary":"","evidence":"","subject":""}]\n'
    ),
    "report": lambda _: _end(b'["report",{"format":"pickle","complete":true,"code_bearing":true}]\n'),
    "failure": lambda _: _end(b'["failed",["memory",""]]\n'),
    "flood": lambda _: [os.write(RESULT, b'["alone","x"]\n' * 4_000) for _ in range(1_000)],
}
"""Name → act."""


def _take_over(data: Any) -> NoReturn:
    """Answer as a sound child would for each content that is left."""
    _end(*map(_inert, _tokens(data, 3)))


ACTS["take-over"] = _take_over
