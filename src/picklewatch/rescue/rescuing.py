"""A rescue from its first step to its last: planned by the child, copied, scanned, published."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from picklewatch.core.errors import Error
from picklewatch.core.model import Policy, Verdict
from picklewatch.core.policy import decide
from picklewatch.rescue import safetensors_file, torch_archive
from picklewatch.rescue.new_file import made, there_already
from picklewatch.rescue.planned import PlanReader, Sent
from picklewatch.sandbox import RescueRequest

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.rescue.new_file import NewFile
    from picklewatch.rescue.planned import CheckedPlan
    from picklewatch.sandbox import Rescuer

SAFETENSORS = ".safetensors"
TORCH = frozenset({".pt", ".pth", ".bin", ".ckpt"})
"""Ends of names that a whole checkpoint may have."""


@dataclass(frozen=True, slots=True)
class Rescued:
    """The outcome of a rescue."""

    plan: CheckedPlan
    bytes: int
    """Bytes of the new file, 0 if nothing could be saved and there is none."""
    verdict: Verdict | None
    """The verdict on the new file."""


def rescue(rescuer: Rescuer, fd: int, target: Path, only: str | None = None) -> Rescued:
    """Save what can be saved of the file *fd* as *target*, whose name decides how.

    Raises `Error`; there is a new file only if this returns its verdict.
    """
    anew = is_anew(target)
    if os.path.lexists(target):
        raise there_already(target)
    before = os.fstat(fd)
    with closing(rescuer.rescue(fd, RescueRequest(only=only, anew=anew))) as lines:
        plan = PlanReader(before.st_size, anew=anew).read(lines)
        if not plan.parts:
            return Rescued(plan, 0, None)
        with made(target) as new:
            sent = Sent(lines)
            (torch_archive if anew else safetensors_file).write(fd, plan, sent, new)
            sent.finish()
            _check_unchanged(fd, before)
            verdict = _proven(rescuer, new, anew=anew)
            new.publish()
            return Rescued(plan, os.fstat(new.fd).st_size, verdict)


def is_anew(target: Path) -> bool:
    """Return True if *target* is to be a whole checkpoint, False for a safetensors file; raises `Error` for others."""
    suffix = target.suffix.lower()
    if suffix in TORCH:
        return True
    if suffix != SAFETENSORS:
        endings = ", ".join((SAFETENSORS, *sorted(TORCH)))
        raise Error(f"the name of the new file says what it is to be, and ends in none of {endings}")
    return False


def _check_unchanged(fd: int, before: os.stat_result) -> None:
    now = os.fstat(fd)
    if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise Error(
            "the file was changed while it was copied", "Nothing was written. Try again when nobody writes to it."
        )


def _proven(rescuer: Rescuer, new: NewFile, *, anew: bool) -> Verdict:
    """Return the verdict of the ordinary scan on the new file; raises `Error` if it proves nothing."""
    judged = decide(rescuer.scan(new.fd), Policy())
    if judged.verdict is not (Verdict.CLEAN if anew else Verdict.SKIPPED):
        reasons = f" ({', '.join(judged.reasons)})" if judged.reasons else ""
        hint = "Nothing was written." + (
            " Its tensors alone may do: choose a name that ends in .safetensors." if anew else ""
        )
        raise Error(f"the new file is not proven harmless: it is {judged.verdict.value}{reasons}", hint)
    return judged.verdict
