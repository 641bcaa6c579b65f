"""Loads subjects in children of the cage's process: another user, limits, an audit hook, nothing to write to."""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from oracle import cage
from oracle.audit import Event, Watch
from oracle.stand_ins import CALLED, STAND_INS, TOUCHES, Touch, load
from oracle.subject import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, FrameType

    from oracle.subject import Subject

SECONDS = 3.0
"""Processor time for one load; longer is a hang."""
_STUCK = 30.0
"""Seconds without an answer after which the child is killed: it sleeps, or no signal interrupts it."""
_LIMITS = {
    resource.RLIMIT_CPU: 600,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_NOFILE: 64,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_MEMLOCK: 0,
}
_GROWTH = 2 << 30
"""Bytes of address space beyond what the libraries take."""


class HungError(BaseException):
    """The time for one load is over. No `Exception`: no hook may take it for one of its own."""


def loaded(subjects: Sequence[Subject]) -> list[Outcome]:
    """Load *subjects* one after the other in one child, in the next one after one that killed it."""
    done: list[Outcome] = []
    while len(done) < len(subjects):
        done += _in_child(subjects[len(done) :])
    return done


def _in_child(subjects: Sequence[Subject]) -> list[Outcome]:
    """Return the outcomes up to the one that a child did not survive, or all."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _run(subjects, writer)
    os.close(writer)
    done: list[Outcome] = []
    hung = False
    with os.fdopen(reader, "rb") as answers:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
        while True:
            signal.setitimer(signal.ITIMER_REAL, _STUCK)
            begun = time.monotonic()
            line = answers.readline()
            hung = time.monotonic() - begun >= _STUCK
            if not line.endswith(b"\n"):
                break
            done.append(_outcome(json.loads(line)))
        signal.setitimer(signal.ITIMER_REAL, 0)
    _, status = os.waitpid(child, 0)
    if len(done) < len(subjects):
        what = "hung" if hung else "died"
        done.append(Outcome(what, (Event(what, f"exit status {os.waitstatus_to_exitcode(status)}"),)))
    return done


def _outcome(answer: dict[str, list[dict[str, str]]]) -> Outcome:
    return Outcome(
        str(answer["ending"]),
        tuple(Event(**event) for event in answer["events"]),
        tuple(Touch(**touch) for touch in answer["touches"]),
        frozenset(map(str, answer["reached"])),
    )


def _run(subjects: Sequence[Subject], writer: int) -> NoReturn:
    """Be the child: lock it down, load, answer, and never return."""
    try:
        signal.signal(signal.SIGPROF, _hang)
        _lock_down()
        gc.freeze()  # the collector looks at what was loaded alone
        watch = Watch()
        sys.addaudithook(watch.audit)
        modules = frozenset(sys.modules)
        for one in subjects:
            _answer(_one(one, watch, modules), writer)
    finally:
        os._exit(0)


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HungError


def _lock_down() -> None:
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    os.close(quiet)
    cage.drop_rights()
    for what, most in _LIMITS.items():
        resource.setrlimit(what, (most, most))
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    room = pages * resource.getpagesize() + _GROWTH
    resource.setrlimit(resource.RLIMIT_AS, (room, room))


def _one(subject: Subject, watch: Watch, modules: frozenset[str]) -> Outcome:
    TOUCHES.clear()
    mentioned = _code_of(subject) if subject.traced else {}
    ending = "loaded"
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        watch.begin(subject, mentioned)
        made = load(subject.data, STAND_INS if subject.stand_ins else {})
        del made
        gc.collect()
    except HungError:
        ending = "hung"
    except BaseException as error:  # noqa: BLE001 - whatever a hook raises is an ordinary end of a load
        ending = type(error).__name__
        del error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        watch.end()
        if len(sys.modules) != len(modules):
            for module in [name for name in sys.modules if name not in modules]:
                del sys.modules[module]  # so that the next load that imports it is seen as well
    events = [*watch.events, *(Event("called", "what is only kept", one.hook) for one in TOUCHES if one.what == CALLED)]
    if ending == "hung":
        events.append(Event("hung", f"over {SECONDS} s"))
    return Outcome(ending, tuple(events), tuple(TOUCHES), frozenset(watch.reached))


def _code_of(subject: Subject) -> dict[CodeType, str]:
    """Return the code of each function that the pickle only mentions, by its name."""
    found = {}
    for module, name in subject.mentioned:
        value: object = sys.modules.get(module)
        for part in name.split("."):
            value = getattr(value, part, None)
        code = getattr(value, "__code__", None)
        if code is not None:
            found[code] = f"{module}.{name}"
    return found


def _answer(outcome: Outcome, writer: int) -> None:
    answer = {
        "ending": outcome.ending,
        "events": [asdict(event) for event in outcome.events],
        "touches": [asdict(touch) for touch in outcome.touches],
        "reached": sorted(outcome.reached),
    }
    data = memoryview(json.dumps(answer).encode() + b"\n")
    while data:
        data = data[os.write(writer, data) :]
