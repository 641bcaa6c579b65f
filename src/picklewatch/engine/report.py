"""What the engine is given and what it gives back."""

from __future__ import annotations

import mmap
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from picklewatch.model import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.model import Finding

Buffer = bytes | memoryview | mmap.mmap
"""Anything that can be sliced and indexed into bytes."""


class LimitReached(Exception):  # noqa: N818 - the end of a scan, not an error of ours
    """A bound of the scan was met; *rule* and *summary* say which.

    *report* is what the walk that met it had seen before, or None: where a scan ends is up to an attacker.
    """

    report: PickleReport | None = None

    def __init__(self, rule: str, summary: str) -> None:
        super().__init__(summary)
        self.rule = rule
        self.summary = summary


class Stopped(Exception):  # noqa: N818 - the end of a walk, not an error of ours
    """The walk cannot go on: what both unpicklers raise on."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """What one file may still cost; shared by everything found in it and only ever lowered."""

    limits: Limits = DEFAULT_LIMITS
    opcodes_left: int = field(default=-1)
    """Opcodes that may still be walked; -1 stands for all of the limit."""
    deadline: float = 0.0
    """Value of `time.monotonic` after which the scan stops; 0 stands for now plus the limit."""
    fickling_seconds_left: float = -1.0
    """Processor seconds that fickling may still take; -1 stands for all of the limit."""
    tell: Callable[[Finding], None] | None = None
    """Told of harm when it is seen, before the walk ends: the process may not live until then."""

    def __post_init__(self) -> None:
        if self.opcodes_left < 0:
            self.opcodes_left = self.limits.opcodes
        if not self.deadline:
            self.deadline = time.monotonic() + self.limits.seconds
        if self.fickling_seconds_left < 0:
            self.fickling_seconds_left = self.limits.fickling_seconds

    def spend(self, opcodes: int) -> None:
        """Take *opcodes* off; raises `LimitReached` when none is left or time is up."""
        self.opcodes_left -= opcodes
        if self.opcodes_left <= 0:
            raise LimitReached("limit-opcodes", f"the file holds more than {self.limits.opcodes} pickle opcodes")
        self.check_time()

    def check_time(self) -> None:
        """Raise `LimitReached` when time is up."""
        if time.monotonic() > self.deadline:
            raise LimitReached("limit-time", f"the scan took longer than {self.limits.seconds:g} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A torch storage that a persistent id names."""

    key: str
    """The record's name: ``data/<key>`` in a zip."""
    kind: str
    """The class that was imported for it, such as ``FloatStorage``."""
    location: str
    """The device, such as ``cpu``."""
    elements: int
    """Elements that the pickle declares."""
    element_size: int | None
    """Bytes an element, or None if the class does not tell."""
    visible: int | None = None
    """Elements of the part that is taken as a storage of its own (legacy files), None for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """Bytes inside a pickle that something would unpickle, or that look like a pickle."""

    data: bytes
    where: str
    """Where they lie: ``member:0xoffset``."""
    why: str
    """What would unpickle them, such as ``torch.storage._load_from_bytes``; ``embedded`` if only their look tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickleReport:
    """What the walk over one pickle observed."""

    start: int
    end: int
    """Just after STOP, or where the walk had to stop."""
    stopped: bool
    """Whether STOP was reached."""
    inert: bool
    """Whether it is proven that loading does nothing but build data."""
    findings: tuple[Finding, ...]
    imports: tuple[str, ...]
    """Every distinct import as ``module.name``, in order of first appearance."""
    opcodes: int
    nested: tuple[Nested, ...]
    storages: tuple[Storage, ...]
    """Storages named by persistent ids, by key, in order of first appearance."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Bytes between the opcodes that joblib reads as arrays: begin and end of each, for whoever shows the pickle."""
    value: object = None
    """A shallow copy of the result if it is simple: a constant, a list of constants, a dict's text keys with constants;
    else None."""
