"""The end of a scanning process, and the finding about the file that follows from it. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from picklewatch.core.model import Finding, Level
from picklewatch.core.proportion import cpu_seconds, is_tiny_for
from picklewatch.sandbox.wire import FAILED, LOCK_FAILED

if TYPE_CHECKING:
    from picklewatch.core.model import Limits


@dataclass(slots=True)
class Ending:
    """The known facts about one child's end; filled in while it works."""

    status: int | None = None
    """The exit status, or the negative number of the signal that ended it; None while it works."""
    peak_kib: int = 0
    cpu_seconds: float = 0.0
    timed_out: bool = False
    """We killed it at the wall-clock limit."""
    garbage: str = ""
    """The reason why its output can't be believed, for which it is killed."""
    failed: tuple[str, str] | None = None
    """The failure that it reported itself: ``memory`` or ``error``, and a sentence."""
    shrunk: bool = False
    """The file has become shorter since the scan began."""
    size: int = 0
    """Bytes of the file."""

    def take(self, message: dict[str, Any]) -> None:
        """Record the warm process's *message* about the end; raise `ValueError` if it is not about one."""
        match message:
            case {"ended": int(status), "peak_kib": int(peak_kib), "cpu_seconds": float(cpu_seconds)}:
                self.status, self.peak_kib, self.cpu_seconds = status, peak_kib, cpu_seconds
            case _:
                raise ValueError(message)

    def finding(self, limits: Limits) -> Finding | None:
        """Return the finding about a scan that did not reach its end; None if it did."""
        rule, summary = self._verdict(limits)
        if self._evades(rule, limits):
            return Finding(rule="scan-evasion", level=Level.UNSAFE, where="", summary=f"{_EVADES} {summary}")
        return Finding(rule=rule, level=Level.UNSCANNABLE, where="", summary=summary) if rule else None

    def _evades(self, rule: str, limits: Limits) -> bool:
        """Return True if a scan that was killed cost more than any honest file of this size does.

        Most such content is stopped by the scan itself. If it hangs in a C function, where the scan can't stop, that
        is evasion all the same.
        """
        if rule == "scan-memory" and self.failed is not None:
            return is_tiny_for(self.size, limits.memory)
        return rule in {"scan-timeout", "scan-cpu"} and self.cpu_seconds > cpu_seconds(self.size)

    def _verdict(self, limits: Limits) -> tuple[str, str]:
        if self.timed_out:
            return "scan-timeout", f"The scan was stopped after {limits.seconds:g} seconds."
        if self.garbage:
            return "scan-garbage", f"The scanning process can't be believed: {self.garbage}."
        if self.failed is not None:
            return self._reported(limits)
        return self._exited(limits)

    def _reported(self, limits: Limits) -> tuple[str, str]:
        assert self.failed is not None
        what, text = self.failed
        if what == "memory":
            return _memory(limits)
        return "scan-crashed", f"The scan failed: {text}"

    def _exited(self, limits: Limits) -> tuple[str, str]:
        assert self.status is not None
        if self.status == -signal.SIGBUS and self.shrunk:
            return "changed-while-scanned", "The file became shorter while it was being scanned."
        if self.status == -signal.SIGKILL and self.cpu_seconds >= limits.cpu_seconds:
            return _cpu(limits)  # an exploit may ignore SIGXCPU, the warning before it
        known = {
            0: ("", ""),
            -signal.SIGXCPU: _cpu(limits),
            -signal.SIGKILL: ("scan-memory", "The kernel killed the scan, most likely because memory ran out."),
            -signal.SIGSYS: (
                "scan-forbidden-call",
                "The scan asked the kernel for what no scan needs, and was killed.",
            ),
            LOCK_FAILED: ("scan-crashed", "The scan could not lock itself down, so it did not look at the file."),
            FAILED: _memory(limits),  # too little memory even for a report
        }
        return known.get(self.status, ("scan-crashed", f"The scanning process crashed: {_named(self.status)}."))


_EVADES = "The content would keep a scanner from reading on."


def _cpu(limits: Limits) -> tuple[str, str]:
    return "scan-cpu", f"The scan was stopped after {limits.cpu_seconds} seconds of processor time."


def _memory(limits: Limits) -> tuple[str, str]:
    return "scan-memory", f"The scan needs more than {limits.memory >> 20} MiB of memory."


def _named(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
