"""The engine's contract: the budget that it is given, the report that it returns, and the ways in which it stops."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from picklewatch.core.model import DEFAULT_LIMITS, Level, Limits
from picklewatch.core.proportion import above

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.core.model import Finding

Buffer = bytes | memoryview
"""Anything that can be sliced and indexed into bytes."""


EVASION = "scan-evasion"
"""The rule of content that costs a scan more than any honest file of its size does."""

WORK = 10_000_000
"""Units of work that any file may cost, however small; one takes about as long as one opcode (0.4 µs)."""
WORK_PER_BYTE = 20
"""Units more for each byte of a file that is not small. Honest writers need less than one for each byte they store."""
MEMORY = 200 << 20
"""Bytes that the values of one small file may take at a time, as `Budget.spend` estimates them; reached, that is
`EVASION`."""
LARGEST_VALUE = 8 << 20
"""Bytes of one constant of a small file that may be copied to be looked at; beyond, that is `EVASION`. Eight more for
each byte of a file that is not small."""
_BLOCK = 80
"""Bytes of one of Python's objects, on average and with what the allocator adds."""
_LEAST = 2_000
"""Units that each part may cost whatever the parts before it did: enough to see what its first opcodes call."""
_RESERVE = 1_000_000
"""Units kept for that: a reserve outside of what the parts share."""


_MANY = 10_000
"""Opcodes at a time that may fill memory; counting all blocks takes as long as some hundred opcodes."""


class LimitReached(Exception):  # noqa: N818 - the end of a scan, not an error of ours
    """A bound of the scan was met; *rule* and *summary* say which.

    *report* is what the walk had seen before, or None: where a scan ends is up to an attacker.
    """

    report: PickleReport | None = None

    def __init__(self, rule: str, summary: str) -> None:
        super().__init__(summary)
        self.rule = rule
        self.summary = summary

    @property
    def level(self) -> Level:
        """Return the level of its finding: evasion is no damage, but as unsafe as what it hides."""
        return Level.UNSAFE if self.rule == EVASION else Level.UNSCANNABLE


def evasion(what: str) -> LimitReached:
    """Return the limit for content of a shape that no honest writer makes; *what* names the shape, as a clause."""
    return LimitReached(EVASION, f"The content would keep a scanner from reading on: {what}.")


class WalkFailed(Exception):  # noqa: N818 - named for what happened
    """A fault of ours, its cause, ended a walk; *report* is what the walk had seen before.

    Where a parser fails is up to an attacker: what comes before a fault must count all the same.
    """

    def __init__(self, report: PickleReport, cause: Exception) -> None:
        super().__init__(str(cause))
        self.report = report
        self.cause = cause


class Stopped(Exception):  # noqa: N818 - the end of a walk, not an error of ours
    """The walk cannot go on: both of CPython's unpicklers raise here."""


@dataclass(slots=True, kw_only=True)
class Budget:
    """The work that one file may still cost; shared by everything found in it and only ever lowered.

    Work is counted, not timed, so that a verdict does not depend on the machine: whatever reads hostile bytes charges
    for what it touches (opcodes, elements, characters, comparisons, bytes). A file that costs more than `WORK` allows
    its size is a bomb; one that meets a limit of the configuration is merely too large.
    """

    limits: Limits = DEFAULT_LIMITS
    size: int = 0
    """Bytes of the file, which its work is measured by."""
    work_left: int = -1
    """Units that may still be charged; -1 stands for all that the size allows."""
    reserve_left: int = _RESERVE
    """Units of the reserve that are left."""
    opcodes_left: int = field(default=-1)
    """Opcodes that may still be walked; -1 stands for all of the limit."""
    deadline: float = 0.0
    """Value of `time.monotonic` after which the scan stops; 0 stands for now plus the limit."""
    fickling_seconds_left: float = -1.0
    """Processor seconds that fickling may still take; -1 stands for all of the limit."""
    tell: Callable[[Finding], None] | None = None
    """Receives harm when it is seen, before the walk ends: the process may not live until then."""
    blocks: int = -1
    """Python's memory blocks in use before the first long walk; -1 stands for not counted yet (it takes its time)."""
    _last: float = 0.0
    """Value of `time.monotonic` after which no part gets any more."""

    def __post_init__(self) -> None:
        if self.work_left < 0:
            self.work_left = WORK + WORK_PER_BYTE * above(self.size)
        if self.opcodes_left < 0:
            self.opcodes_left = self.limits.opcodes
        if not self.deadline:
            self.deadline = time.monotonic() + self.limits.seconds
        if self.fickling_seconds_left < 0:
            self.fickling_seconds_left = self.limits.fickling_seconds

    def charge(self, units: int) -> None:
        """Take *units* of work off; raises `LimitReached` when more was done than the file's size allows."""
        self.work_left -= units
        if self.work_left < 0:
            raise evasion("it makes work out of all proportion to its size")

    def copy(self, size: int) -> None:
        """Charge for *size* bytes that are copied, and may stay; raises where one value outgrows its file."""
        self.charge(size >> 3)
        if size > LARGEST_VALUE and size > LARGEST_VALUE + 8 * above(self.size):
            raise evasion("one of its values is many times as large as the file")

    def spend(self, opcodes: int, held: int = 0) -> None:
        """Take *opcodes* off; raises `LimitReached` when none is left, time is up, or its values fill the memory.

        *held* are bytes of tables that Python does not count as objects of their own.
        """
        self.opcodes_left -= opcodes
        self.charge(opcodes)
        if self.opcodes_left <= 0:
            raise LimitReached("limit-opcodes", f"the file holds more than {self.limits.opcodes} pickle opcodes")
        self.check_time()
        if opcodes >= _MANY:
            self._check_memory(held)

    def _check_memory(self, held: int) -> None:
        allowed = MEMORY + WORK_PER_BYTE * _BLOCK * above(self.size)
        blocks = sys.getallocatedblocks()
        if self.blocks < 0:
            self.blocks = blocks
        if (blocks - self.blocks) * _BLOCK + held > allowed:
            raise evasion("it makes millions of objects out of a few bytes")

    def check_time(self) -> None:
        """Raise `LimitReached` when time is up."""
        if time.monotonic() > self.deadline:
            raise LimitReached("limit-time", f"the scan took longer than {self.limits.seconds:g} s")

    def share(self, work: Callable[[], object]) -> None:
        """Do *work* on three quarters of what is left, and on a little of the reserve where nothing is.

        However much one part costs, those after it are looked at: forty costly members would hide a forty-first.
        """
        now = time.monotonic()
        self._last = self._last or self.deadline + self.limits.seconds / 20
        whole = self.work_left, self.opcodes_left, self.deadline
        least = min(_LEAST, self.reserve_left)
        units = self.work_left = max(whole[0] - whole[0] // 4, least)
        opcodes = self.opcodes_left = max(whole[1] - whole[1] // 4, least)
        self.deadline = min(now + max((whole[2] - now) * 3 / 4, _LEAST_SECONDS), self._last)
        try:
            work()
        finally:
            used = units - self.work_left
            self.reserve_left -= max(used - max(whole[0], 0), 0)
            self.work_left = max(whole[0] - used, 0)
            self.opcodes_left = max(whole[1] - (opcodes - self.opcodes_left), 0)
            self.deadline = whole[2]


_LEAST_SECONDS = 0.05
"""Seconds for each part when time is up, until a twentieth of the limit has passed: the parent waits for a tenth."""


@dataclass(slots=True, kw_only=True)
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
    """Bytes per element, or None if they are not known from the class."""
    visible: int | None = None
    """Elements of the part that is taken as a storage of its own (legacy files), None for all."""


UNREAD = "the bounds of a sparse or nested tensor lie in other tensors, which are not read"
"""The summary about `Indices` that nobody compared."""


class IndexKind(StrEnum):
    """The kinds of tensors whose bounds lie in other tensors."""

    COORDINATES = "coordinates"
    """One table: row i has numbers below the limit i."""
    COMPRESSED = "compressed"
    """Two tables: pointers, which ascend from 0 to the second limit in steps of at most the first, and numbers below
    the first."""
    NESTED = "nested"
    """Three tables: sizes and strides of each part, and its offset; parts end at the limit at most."""


@dataclass(frozen=True, slots=True)
class IndexTable:
    """A tensor of 64-bit integers, in elements of its storage."""

    storage: Storage
    start: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Indices:
    """The bounds of a sparse or nested tensor, which only the storages tell."""

    kind: IndexKind
    tables: tuple[IndexTable, ...]
    limits: tuple[int, ...]
    tensors: tuple[object, ...] = field(compare=False, default=())
    """The values of the tensors that take part, as long as the walk lasts."""
    where: str = ""
    """The call that makes it, as findings spell it."""


class Why(StrEnum):
    """The reason why bytes inside a pickle are judged as a pickle."""

    LOADED = "loaded"
    """The pickle calls a function that unpickles them (``torch.storage._load_from_bytes``)."""
    EMBEDDED = "embedded"
    """They only look like a pickle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """Bytes inside a pickle that something would unpickle, or that look like a pickle."""

    data: bytes | memoryview
    where: str
    """Where they lie: ``member:0xoffset``."""
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class PickleReport:
    """The observations of the walk over one pickle."""

    start: int
    end: int
    """Just after STOP, or where the walk had to stop."""
    stopped: bool
    """True if STOP was reached."""
    inert: bool
    """True if it is proven that loading does nothing but build data."""
    findings: tuple[Finding, ...]
    imports: tuple[str, ...]
    """Every distinct import as ``module.name``, in order of first appearance."""
    opcodes: int
    nested: tuple[Nested, ...]
    storages: tuple[Storage, ...]
    """Storages named by persistent ids, by key, in order of first appearance."""
    indices: tuple[Indices, ...] = ()
    """Bounds that only the storages tell."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Bytes between the opcodes that joblib reads as arrays: begin and end of each, for those who show the pickle."""
    value: object = None
    """A shallow copy of the result if it is simple: a constant, a list of constants, a dict's text keys with constants;
    else None."""
