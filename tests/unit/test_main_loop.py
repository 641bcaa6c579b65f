"""Parts of the daemon's main loop."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from support.watching import eventually

from picklewatch.service.heartbeat import Heartbeat
from picklewatch.service.interval import Interval
from picklewatch.service.signals import Signals
from picklewatch.telemetry.health import Health
from picklewatch.telemetry.sd_notify import Notifier


class Manager(Notifier):
    """A service manager that counts the beats."""

    beats = 0

    def _send(self, **fields: str) -> bool:
        self.beats += "WATCHDOG" in fields
        return True


def test_an_interval_is_due_once_in_its_time() -> None:
    """And at once when it is told to expire."""
    interval = Interval(10.0, first=5.0)
    assert [interval.is_due(now) for now in (4.0, 5.0, 6.0, 14.9, 15.0)] == [False, True, False, False, True]
    interval.expire()
    assert interval.is_due(16.0)


def test_a_thread_that_is_stuck_silences_the_heartbeat() -> None:
    """Until it goes on; meanwhile the daemon is degraded."""
    health, manager = Health(), Manager(watchdog_seconds=9.0)
    heart = Heartbeat(health, manager)
    heart.beat(100.0, None)
    heart.beat(102.9, None)
    assert manager.beats == 1
    heart.beat(103.0, None)
    assert manager.beats == 2
    heart.beat(200.0, "a scan has not ended for 100 s")
    assert manager.beats == 2
    assert [(problem.what, problem.reason) for problem in health.problems] == [
        ("daemon-stuck", "a scan has not ended for 100 s")
    ]
    heart.beat(201.0, None)
    assert manager.beats == 3
    assert health.problems == ()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_wakes_the_main_loop_and_waits_for_it(number: signal.Signals) -> None:
    """In the order in which they came; afterwards Python's own handlers are back."""
    former = signal.getsignal(number)
    with Signals() as signals:
        assert not signals.wait(0.0)
        os.kill(os.getpid(), number)
        signals.send(signal.SIGTERM)
        assert signals.wait(10.0)
        assert [signals.take(), signals.take(), signals.take()] == [number, signal.SIGTERM, None]
    assert signal.getsignal(number) is former


def test_only_a_wait_that_may_be_woken_is() -> None:
    """An idle main loop is woken by what comes to wait; one that is awake anyway costs nobody a write."""
    with Signals() as signals:
        signals.wake()
        assert not signals.wait(0.0)
        ended = threading.Event()

        def wait() -> None:
            assert not signals.wait(600.0, may_be_woken=True)
            ended.set()

        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()

        def is_ended() -> bool:
            signals.wake()
            return ended.is_set()

        assert eventually(is_ended)
        signals.wake()
        assert not signals.wait(0.0)


def test_the_beat_is_thrice_within_the_managers_patience() -> None:
    """An idle main loop sleeps from one beat to the next."""
    assert Heartbeat(Health(), Manager(watchdog_seconds=3.0)).seconds == 1.0
    assert Heartbeat(Health(), Manager(watchdog_seconds=600.0)).seconds == 5.0


def test_a_flood_of_signals_does_not_block_the_handler() -> None:
    """The pipe that wakes the main loop may be full: it is awake then."""
    with Signals() as signals:
        for _ in range(100_000):
            signals.send(signal.SIGHUP)
        assert signals.wait(0.0)
