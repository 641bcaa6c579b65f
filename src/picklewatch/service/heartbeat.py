"""Shows the service manager that work progresses; silence makes it start the daemon again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.service.interval import Interval

if TYPE_CHECKING:
    from picklewatch.telemetry.health import Health
    from picklewatch.telemetry.sd_notify import Notifier

_SECONDS: Final = 5.0


class Heartbeat:
    """Feeds the manager's watchdog while no thread of ours is stuck."""

    def __init__(self, health: Health, notifier: Notifier) -> None:
        self._health, self._notifier = health, notifier
        self.seconds = min(_SECONDS, (notifier.watchdog_seconds or 15.0) / 3)
        """Between two beats."""
        self._interval = Interval(self.seconds)

    def beat(self, now: float, stuck: str | None) -> None:
        """Feed it if it is time to; *stuck* describes a thread that makes no progress."""
        if stuck is not None:
            self._health.degrade("daemon-stuck", stuck)
            return
        self._health.repair("daemon-stuck")
        if self._interval.is_due(now):
            self._notifier.alive()
