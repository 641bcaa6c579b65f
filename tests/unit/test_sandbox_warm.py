"""The warm process tries its own lock-down: what somebody else does to the trial leaves no protection out."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from picklewatch.sandbox import lockdown, warm

if TYPE_CHECKING:
    from collections.abc import Iterator

FILTER = object()


class Trial(warm.Server):
    """A server whose children end as told: by a signal that they get, or with an exit status."""

    def __init__(self, ends: Iterator[signal.Signals | int]) -> None:
        self.ends = ends
        self.plan = lockdown.Plan(program=FILTER)  # type: ignore[arg-type]

    def _forked(self) -> tuple[int, socket.socket]:
        end = next(self.ends)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            if isinstance(end, signal.Signals):
                os.kill(os.getpid(), end)
            os._exit(end)
        theirs.close()
        return pid, ours


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial may take half a second."""
    monkeypatch.setattr(warm, "_REHEARSAL_SECONDS", 0.5)


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_signal_of_somebody_else_leaves_nothing_out(end: signal.Signals) -> None:
    """The next child does as it should: so the plan works. One that is stopped is not waited for long."""
    server = Trial(iter([end, end, 0]))
    server._rehearse()
    assert server.plan.program is FILTER
    assert server.plan.missing == []


def test_a_filter_that_fails_each_time_is_left_out_and_said() -> None:
    """This machine's kernel does not take it."""
    server = Trial(iter([31, 31, 31, 0]))
    server._rehearse()
    assert server.plan.program is None
    assert server.plan.missing == ["system calls are not filtered: a filtered child fails here (31)"]


def test_children_that_never_end_are_no_reason_to_leave_something_out() -> None:
    """The sandbox does not start, and is tried again."""
    with pytest.raises(TimeoutError):
        Trial(iter([signal.SIGSTOP] * 3))._rehearse()
