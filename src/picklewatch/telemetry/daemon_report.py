"""The daemon's report about itself, and the status that is made of it. Pure data.

A row of the store that another version of the daemon wrote is read like any other (`DaemonReport.of`): a field that is
missing there, or has another type, has its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints

from picklewatch.telemetry.health_problem import HealthProblem  # noqa: TC001 - `get_type_hints` looks it up
from picklewatch.telemetry.process_memory import MemoryUse  # noqa: TC001 - as above


@dataclass(frozen=True, slots=True, kw_only=True)
class RootReport:
    """One directory that is, or is to be, watched."""

    wanted: str = ""
    """As it was asked for."""
    label: str = ""
    """The tool whose cache it is, or the place where it was asked for."""
    path: str | None = None
    """Its real path; None while it is not there."""
    state: str = ""
    """A value of `picklewatch.watch.roots.RootState`."""
    reason: str = ""
    """The reason why it is not simply watched; may be empty."""

    def row(self) -> dict[str, str | None]:
        """Return it as it is stored: `asdict` takes a second for the thousands of a machine with many users."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonReport:
    """The row that the daemon writes into its store every few seconds."""

    version: str = ""
    """Empty where nothing is written yet."""
    pid: int | None = None
    started: float | None = None
    """Unix time."""
    stopped: float | None = None
    """Unix time; None while it runs."""
    ready: bool = False
    """True once it watches everything that exists."""
    degraded: tuple[HealthProblem, ...] = ()
    """The problems that there are now."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Every counter since the start, the faults included."""
    faults: Mapping[str, int] = field(default_factory=dict)
    """The count of each fault since the start, repaired or not."""
    waiting: int = 0
    """Files in the queue."""
    in_hand: int = 0
    """Files that are being scanned."""
    judged: int = 0
    """Files that were scanned since the start."""
    per_second: float = 0.0
    """Files scanned per second of late."""
    walking: str | None = None
    """A tree that is being walked."""
    peak_kib: int = 0
    """The most memory that the daemon's own process has needed."""
    scan_peak_kib: int = 0
    """The most memory that a scan has needed."""
    unprotected: tuple[str, ...] = ()
    """Protections that the sandbox lacks on this machine, in sentences."""
    sinks: tuple[dict[str, Any], ...] = ()
    """Who is told of finds: the fields of `picklewatch.ipc.messages.SinkReport`."""
    roots: tuple[RootReport, ...] = ()
    quarantine: str | None = None
    """The level from which on files are moved, or ``off``."""
    engine: str = ""
    beat: float | None = None
    """The Unix time at which this was written; somebody may set that clock."""
    beat_running: float | None = None
    """The same in seconds since the machine started; nobody sets that clock."""
    boot: str = ""
    """The kernel's identifier of that start of the machine; empty if it is not known."""

    @classmethod
    def of(cls, row: object) -> Self:
        """Return the report in the store's *row*, whichever version wrote it."""
        return cls(**_known(cls, row))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReport:
    """The part of the status that the store knows, whether or not a daemon runs."""

    queue: int
    """Files that wait."""
    verdicts: Mapping[str, int]
    """Files that are there by outcome, as last judged; deleted ones that are harmless may be counted for an hour."""
    latest: list[dict[str, Any]]
    """The newest records of what is not clean (docs/records.md), with ``id`` and ``at``."""
    moves: Mapping[str, int]
    """Moves into quarantine by state."""
    refusals: list[dict[str, str]]
    """Files that were to be moved and stay: ``path``, ``verdict`` and ``reason``."""
    allowed: int
    """Contents that somebody vouched for."""
    old: int
    """Files whose verdict is an older version's."""
    again: int
    """Files in the queue that were judged before, by an older version or with other links, rights or owner."""
    unsafe_now: int = 0
    """Unsafe and malicious files that are there, and that nobody allowed; counted up to a thousand."""
    unsafe_now_complete: bool = True
    """False if there may be more of them: not all records were looked through."""

    away: Mapping[str, int] = field(default_factory=dict)
    """Files that were judged and are not there: ``gone``, or ``moved`` into quarantine."""
    restored: int = 0
    """Allowed files that are there, and were in quarantine."""

    @property
    def may_be_unsafe(self) -> bool:
        """True unless it is certain that no unsafe file is there."""
        return self.unsafe_now > 0 or not self.unsafe_now_complete


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonStatus:
    """The status as `picklewatch status` shows it."""

    running: bool = False
    pid: int | None = None
    healthy: bool = False
    """True if it runs, is ready, and has no problem."""
    problems: tuple[HealthProblem, ...] = ()
    """The problems of the running daemon: those that it reports, and those that are seen from outside."""
    daemon: DaemonReport = field(default_factory=DaemonReport)
    """The report of the running daemon, or of the last one that ran."""
    row: Mapping[str, Any] = field(default_factory=dict)
    """`daemon` as it is stored: another version may have written more."""
    memory: MemoryUse | None = None
    """The memory of the running daemon's processes, measured just now; None if they are not seen from here."""
    store: StoreReport | None = None
    """None where no daemon ever ran."""

    @classmethod
    def of(cls, row: object) -> Self:
        """Return the status in *row*, which `sent` made, whichever version did."""
        status = cls(**_known(cls, row))
        return replace(status, daemon=DaemonReport.of(status.row))

    def sent(self) -> dict[str, Any]:
        """Return everything as JSON, for `of`; the report is sent as it is stored."""
        return {name: value for name, value in asdict(replace(self, daemon=DaemonReport())).items() if name != "daemon"}

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of ``picklewatch status --json``."""
        shown = {**self.row, "running": self.running, "ever": self.store is not None, "pid": self.pid}
        if self.store is None:
            return shown
        return {
            **shown,
            "healthy": self.healthy,
            "degraded": [asdict(problem) for problem in self.problems],
            "memory": None if self.memory is None else asdict(self.memory),
            **asdict(self.store),
        }


def faults_text(faults: Mapping[str, int]) -> str:
    """Return *faults* in words, the most frequent first."""
    return ", ".join(f"{number} {what}" for what, number in sorted(faults.items(), key=lambda fault: -fault[1]))


_WRONG = object()


def _known(kind: type, row: object) -> dict[str, Any]:
    """Return the fields of the dataclass *kind* that *row* has, and has in the right type."""
    hints = get_type_hints(kind)
    given = row if isinstance(row, dict) else {}
    found = {name: _typed(hint, given[name]) for name, hint in hints.items() if name in given}
    return {name: value for name, value in found.items() if value is not _WRONG}


def _typed(hint: Any, value: object) -> Any:
    """Return *value*, read from JSON, as *hint* describes it, without wrong items; `_WRONG` if it is something else."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if is_dataclass(hint):
        return _built(hint, value)
    if origin is UnionType:  # X | None
        return None if value is None else _typed(arguments[0], value)
    if origin in (tuple, list):
        items = [_typed(arguments[0], item) for item in value] if isinstance(value, list) else []
        return origin(item for item in items if item is not _WRONG)
    if origin in (Mapping, dict):
        pairs = value.items() if isinstance(value, dict) else ()
        return {key: item for key, item in pairs if _typed(arguments[1], item) is not _WRONG}
    is_right = isinstance(value, (int, float) if hint is float else hint) and isinstance(value, bool) == (hint is bool)
    return value if is_right else _WRONG


def _built(kind: Any, value: object) -> Any:
    try:
        return kind(**_known(kind, value))
    except TypeError:  # a field without a default is missing
        return _WRONG
