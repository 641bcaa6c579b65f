"""Acts of code that took the scanning child over. The file's content names the act; tests only.

The sandbox runs `act` in place of the scan when a test's scanner is made with ``job="sandbox_acts.hostile:act"``;
no content can choose it in production.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picklewatch.core.model import Finding, Level, Limits, ScanReport

if TYPE_CHECKING:
    from collections.abc import Callable

JOB = "sandbox_acts.hostile:act"
RESULT = 3
"""The child's result pipe."""
_libc = ctypes.CDLL(None, use_errno=True)


def act(data: Any, _limits: Limits, _tell: object = None) -> ScanReport:
    """Do what the content *data* names; the warm-up's samples name nothing."""
    name = bytes(data[:40]).split(b"\n")[0].decode("latin-1")
    said = ACTS[name](data) if name in ACTS else "nothing"
    return report(f"{name}: {said}")


def report(summary: str) -> ScanReport:
    """Make the report of an act that came through: a finding that says so."""
    finding = Finding(rule="act-done", level=Level.MALICIOUS, where="", summary=summary)
    return ScanReport(format="pickle", complete=True, code_bearing=True, findings=(finding,))


def _say(*lines: bytes) -> str:
    for line in lines:
        rest = line
        while rest:
            rest = rest[os.write(RESULT, rest) :]
    os._exit(0)


def _forever(_data: Any) -> str:
    while True:
        pass


def _sleep(_data: Any) -> str:
    time.sleep(600)
    return "slept"


def _babble(_data: Any) -> str:
    line = b'["import","' + b"x" * 900 + b'"]\n'
    while True:
        os.write(RESULT, line)


def _endless_line(_data: Any) -> str:
    while True:
        os.write(RESULT, b"[" * 4096)


def _touch_later(data: Any) -> str:
    for _ in range(40):
        time.sleep(0.05)
        _touch_all(data)
    return "touched"


def _touch_all(data: Any) -> str:
    return str(sum(data[i] for i in range(0, len(data), 4096)))


def _grow(_data: Any) -> str:
    held = []
    while True:
        held.append(bytearray(1 << 20))


def _recurse(data: Any) -> str:
    return _recurse(data)


def _c_recursion(_data: Any) -> str:
    nested: Any = []
    for _ in range(10_000_000):
        nested = [nested]
    return str(len(repr(nested)))


def _ignore_cpu_limit(_data: Any) -> str:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    while True:
        pass


def _close_result_and_stay(_data: Any) -> str:
    os.close(RESULT)
    while True:
        pass


def _executable_memory(_data: Any) -> str:
    _libc.mmap.restype = ctypes.c_void_p
    _libc.mmap(None, 4096, 7, 0x22, -1, 0)
    return "mapped"


def _write_mapping(data: Any) -> str:
    address = ctypes.addressof(ctypes.c_char.from_buffer_copy(b"x"))
    ctypes.memset(address, 0, 1)
    data[0:1] = b"!"
    return "written"


def _say_report(**changes: object) -> bytes:
    fields = {"format": "pickle", "complete": True, "code_bearing": True, "pickles": 1, "opcodes": 1}
    return json.dumps(["report", {**fields, **changes}]).encode() + b"\n"


def _say_finding(*, kind: str = "finding", **changes: object) -> bytes:
    fields = {"rule": "a", "level": "info", "where": "", "summary": "", "evidence": "", "subject": ""}
    return json.dumps([kind, {**fields, **changes}]).encode() + b"\n"


def _found_then(end: Callable[[], object]) -> Callable[[Any], str]:
    def do(_data: Any) -> str:
        os.write(RESULT, _say_finding(rule="seen-before", level="malicious"))
        return str(end())

    return do


def _seen_then(end: Callable[[], object]) -> Callable[[Any], str]:
    def do(_data: Any) -> str:
        os.write(RESULT, _say_finding(kind="seen", rule="seen-before", level="malicious"))
        return str(end())

    return do


def _slowly(line: bytes) -> str:
    for byte in line:
        os.write(RESULT, bytes([byte]))
        time.sleep(1)
    return "said"


def _overflow_the_stack() -> str:
    nested: Any = ()
    for _ in range(1_000_000):
        nested = (nested,)
    return str(hash(nested))  # a recursion in C that nobody counts


def _read_for_ever() -> str:
    os.read(0, 1)
    time.sleep(600)
    return "read"


def _close_result_early() -> str:
    os.write(RESULT, _say_report()[:20])
    os.close(RESULT)
    os._exit(0)


def _gigabyte() -> str:
    line = b'["import","' + b"x" * 900 + b'"]\n'
    block = line * 1_000
    for _ in range((1 << 30) // len(block)):
        os.write(RESULT, block)
    return "said"


def _doing(step: Callable[[], object]) -> Callable[[Any], str]:
    def do(_data: Any) -> str:
        step()
        return "done"

    return do


ACTS: dict[str, Callable[[Any], str]] = {
    # reaching out; every one must be refused or deadly
    "open": lambda _: Path("/etc/passwd").read_text(),
    "create": lambda _: str(Path("/tmp/picklewatch-was-here").write_text("x")),
    "list": lambda _: str(list(Path("/").iterdir())),
    "socket": lambda _: str(socket.socket()),
    "exec": lambda _: str(os.execv("/bin/true", ["true"])),
    "spawn": lambda _: str(subprocess.run(["/bin/true"], check=False)),
    "fork": lambda _: str(os.fork()),
    "kill-parent": _doing(lambda: os.kill(os.getppid(), signal.SIGKILL)),
    "kill-all": _doing(lambda: os.kill(-1, signal.SIGKILL)),
    "proc-fd": lambda _: str(Path(f"/proc/self/fd/{RESULT}").read_bytes()),
    "proc-mem": lambda _: str(Path(f"/proc/{os.getppid()}/mem").read_bytes()),
    "ptrace": lambda _: str(_libc.ptrace(16, os.getppid(), 0, 0)),
    "truncate": _doing(lambda: os.ftruncate(RESULT, 0)),
    "chmod": _doing(lambda: os.fchmod(RESULT, 0o777)),
    "unlink": _doing(Path("/tmp/picklewatch-was-here").unlink),
    "receive": lambda _: str(socket.socket(fileno=3).recv(1)),
    "more-limits": _doing(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))),
    "mount": lambda _: str(_libc.mount(b"none", b"/mnt", b"tmpfs", 0, None)),
    "unshare": lambda _: str(_libc.unshare(0x10000000)),
    "memfd": lambda _: str(os.memfd_create("x")),
    "bpf": lambda _: str(_libc.syscall(321, 0, None, 0)),
    "io-uring": lambda _: str(_libc.syscall(425, 1, None)),
    "keyctl": lambda _: str(_libc.syscall(250, 0, -3, 0)),
    "executable-memory": _executable_memory,
    "write-mapping": _write_mapping,
    # using things up
    "loop": _forever,
    "sleep": _sleep,
    "sleep-a-moment": _doing(lambda: time.sleep(1)),
    "loop-ignoring-limit": _ignore_cpu_limit,
    "stay-silent": _close_result_and_stay,
    "eight-gigabytes": lambda _: str(len(bytearray(8 << 30))),
    "grow": _grow,
    "recurse": _recurse,
    "c-recursion": _c_recursion,
    "exit": lambda _: str(os._exit(5)),
    "segv": lambda _: str(ctypes.string_at(0)),
    "abort": lambda _: str(os.abort()),
    "raise": lambda _: str(1 // 0),
    "stderr": lambda _: str([os.write(2, b"\x1b[2Jhello") for _ in range(10)]),
    "touch-all": _touch_all,
    "touch-later": _touch_later,
    "open-descriptors": lambda _: str([fd for fd in range(64) if _is_open(fd)]),
    "pid": lambda _: str(os.getpid()),
    "stack-overflow": lambda _: _overflow_the_stack(),
    "read-for-ever": lambda _: _read_for_ever(),
    # lying
    "slowly": lambda _: _slowly(_say_report()),
    "half-line-then-silence": lambda _: str(os.write(RESULT, _say_report()[:20])) + _sleep(None),
    "close-early": lambda _: _close_result_early(),
    "gigabyte": lambda _: _gigabyte(),
    "another-job": lambda _: _say(_say_report(job=2)),
    "ending": lambda _: _say(b'{"ended":0,"peak_kib":0,"cpu_seconds":0}\n', _say_report()),
    "silence": lambda _: _say(),
    "garbage": lambda _: _say(b"\x00\xff\n"),
    "half-line": lambda _: _say(b'["report'),
    "babble": _babble,
    "endless-line": _endless_line,
    "deep-json": lambda _: _say(b"[" * 50_000 + b"\n"),
    "wide-json": lambda _: _say(b'["report",[' + b"[]," * 20_000 + b"[]]]\n"),
    "no-report": lambda _: _say(b'["import","os.system"]\n'),
    "two-reports": lambda _: _say(_say_report(), _say_report()),
    "bad-format": lambda _: _say(_say_report(format="\x1b[2J")),
    "bad-count": lambda _: _say(_say_report(pickles=-1)),
    "huge-count": lambda _: _say(_say_report(pickles=10**400)),
    "bool-count": lambda _: _say(_say_report(pickles=True)),
    "nan-count": lambda _: _say(_say_report(pickles=float("nan"))),
    "bad-flag": lambda _: _say(_say_report(complete=1)),
    "false-digest": lambda data: _say(_say_report(sha256=bytes(data[40:104]).decode())),
    "more-fields": lambda _: _say(_say_report(duration_ms=0)),
    "bad-level": lambda _: _say(_say_finding(level="harmless"), _say_report()),
    "bad-rule": lambda _: _say(_say_finding(rule="../../etc"), _say_report()),
    "long-summary": lambda _: _say(_say_finding(summary="x" * 3000), _say_report()),
    "terminal-codes": lambda _: _say(_say_finding(summary="\x1b[2J\nunder"), _say_report()),
    "many-findings": lambda _: _say(*[_say_finding()] * 201, _say_report()),
    "many-imports": lambda _: _say(*[b'["import","a.b"]\n'] * 2001, _say_report()),
    "bad-import": lambda _: _say(b'["import",["os"]]\n', _say_report()),
    "false-failure": lambda _: _say(b'["failed",["love",""]]\n'),
    # finding something first
    "found-then-segv": _found_then(lambda: ctypes.string_at(0)),
    "found-then-loop": _found_then(lambda: _forever(None)),
    "found-then-garbage": _found_then(lambda: _say(b"garbage\n")),
    # saying what it sees, and then something else
    "seen-then-segv": _seen_then(lambda: ctypes.string_at(0)),
    "seen-then-stopped": _seen_then(lambda: _forever(None)),
    "seen-then-sleep": _seen_then(lambda: _sleep(None)),
    "seen-then-clean": _seen_then(lambda: _say(_say_report())),
    "seen-then-false-digest": lambda data: _say(
        _say_finding(kind="seen", rule="seen-before", level="malicious"),
        _say_finding(rule="seen-before", level="malicious"),
        _say_report(sha256=bytes(data[40:104]).decode()),
    ),
    "seen-then-allowed-harm": lambda _: _say(
        _say_finding(kind="seen", rule="seen-before", level="malicious", subject="os.system"),
        _say_finding(rule="seen-before", level="malicious", subject="ours.load"),
        _say_report(),
    ),
    "seen-flood": lambda _: _say(*[_say_finding(kind="seen")] * 1_001, _say_report()),
    "seen-too-late": lambda _: _say(_say_report(), _say_finding(kind="seen")),
}
"""Name → act."""


def _is_open(fd: int) -> bool:
    try:
        os.lseek(fd, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno == 29  # ESPIPE: a pipe
    return True
