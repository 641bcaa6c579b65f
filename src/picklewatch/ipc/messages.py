"""The messages: what may be asked of a daemon, and what it answers. The standard library and the vocabulary only.

One connection carries one request and one answer, each one line. A new request is one class here, its name in
`REQUESTS`, and its answer in `picklewatch.service.responder`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from picklewatch.core.model import Verdict
from picklewatch.ipc.codec import Json, Most

REQUEST: Final = 8 << 10
"""Bytes of a request, its end included, at most."""
ANSWER: Final = 1 << 20
"""Bytes of an answer, its end included, at most."""
ITEMS: Final = 50
"""Quarantined items in one answer, at most."""
RECORDS: Final = 50
"""Records in one answer, at most."""
FINDS: Final = 200
"""Finds in one answer about what is new, at most."""
SINKS: Final = 32
"""Sinks of one notifier that are reported on, at most."""
PURGED: Final = 100
"""Items that one request deletes, at most."""
ALLOWED: Final = 500
"""Allowed contents in one answer, at most."""
RESCANS: Final = 1_000
"""Files that one request for a rescan below a path queues, at most."""
LONGEST_NAME: Final = 1_000
"""Characters of a name that is asked for, at most: each may be six bytes of a request."""
_PATH: Final = 4_096
_NAME: Final = 80
_HOMES: Final = 4
_DIGEST: Final = 64
_SENTENCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """Asks how the daemon is, what it watches, and what it has found of late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRequest:
    """Asks for the quarantined items with this id, or one that begins so, or that had it formerly; for all without."""

    id: Annotated[str, Most(12)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreItemRequest:
    """Asks to put this quarantined item back where it was, and to allow its content from now on."""

    id: Annotated[str, Most(12)]
    """The whole id."""
    reason: Annotated[str, Most(_SENTENCE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteItemRequest:
    """Asks to delete this quarantined item for good."""

    id: Annotated[str, Most(12)]
    """The whole id."""
    keep_tombstone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRequest:
    """Asks to delete the oldest quarantined items until every bound is kept; `PURGED` of them at a time."""

    older_than: float | None = None
    """Seconds since they were taken."""
    max_items: int | None = None
    max_bytes: int | None = None
    keep_tombstones: bool = True
    taken_by: float | None = None
    """Only items that were taken up to this Unix time, which a person has seen; None to be told which would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowRequest:
    """Asks to allow a content from now on, or no longer."""

    sha256: Annotated[str, Most(_DIGEST)]
    reason: Annotated[str, Most(_SENTENCE)] = ""
    """Empty to allow it no longer."""
    size: int | None = None
    until: float | None = None
    """The Unix time up to which it is allowed; None for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowancesRequest:
    """Asks which contents are allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsRequest:
    """Asks for the newest records of that kind: a `picklewatch.core.found_record.RecordFilter`."""

    verdicts: Annotated[tuple[Verdict, ...], Most(len(Verdict))]
    since: float = 0.0
    under: Annotated[str, Most(_PATH)] = ""
    uid: int | None = None
    homes: Annotated[tuple[str, ...], Most(_HOMES)] = ()
    unsafe_now: bool = True
    limit: int = RECORDS
    """`RECORDS` are sent at most."""
    before: int = 0
    """The `before` of the answer to go on behind; 0 for the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRequest:
    """Asks for the records of what has this name: a record's id, a path, the name that was shown, an item's id."""

    name: Annotated[str, Most(LONGEST_NAME)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanRequest:
    """Asks to judge again what was judged below a path, or everywhere."""

    under: Annotated[str, Most(_PATH)] = ""
    """An absolute path; empty for everything, which only those may ask for who see everything."""
    verdicts: Annotated[tuple[Verdict, ...], Most(len(Verdict))] = ()
    """Only what has one of these; empty for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReport:
    """How one sink of a notifier is doing."""

    name: Annotated[str, Most(_NAME)]
    waiting: int = 0
    """Finds that it has not taken yet."""
    sent: int = 0
    """Messages that it took since the notifier started."""
    failure: Annotated[str, Most(_SENTENCE)] = ""
    """The reason why the last attempt failed; empty if it did not."""
    since: float | None = None
    """The Unix time of the first failure in a row; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsRequest:
    """Asks which finds came after one that is known, oldest first."""

    verdicts: Annotated[tuple[Verdict, ...], Most(len(Verdict))]
    after: int = 0
    """The number up to which everything is known."""
    store: Annotated[str, Most(_NAME)] = ""
    """The store that this number is of; what came within a day is new to somebody who knows another, or none."""
    sinks: Annotated[tuple[SinkReport, ...], Most(SINKS)] = ()
    """How the notifier that asks is doing; believed only if it is told of everybody's finds."""


Request = (
    StatusRequest
    | ItemRequest
    | RestoreItemRequest
    | DeleteItemRequest
    | PurgeRequest
    | AllowRequest
    | AllowancesRequest
    | RecordsRequest
    | NamedRequest
    | RescanRequest
    | NewsRequest
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """The daemon that answers, and how much of what it knows."""

    version: Annotated[str, Most(_NAME)]
    whole: bool
    """False if only what concerns the one who asked is in the answer."""
    group: Annotated[str, Most(_NAME)] = ""
    """The group whose members see and do everything, beside root; may be empty."""
    restores: bool = False
    """True if the one who asks may have quarantined files of theirs restored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """A `picklewatch.telemetry.daemon_report.DaemonStatus` as JSON."""

    by: Answerer
    status: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """The items: each is a `picklewatch.quarantine.item.Item` as JSON."""

    by: Answerer
    items: Annotated[tuple[Json, ...], Most(ITEMS)]
    """The newest, oldest first."""
    more: int = 0
    """The number of others beside these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChangedAnswer:
    """The item after it was restored or deleted."""

    by: Answerer
    item: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeAnswer:
    """The items that were deleted, or would be."""

    by: Answerer
    items: int
    size: int
    """Bytes of all of them."""
    taken_by: float
    """The time at which the newest of them was taken."""
    forgotten: int = 0
    """Former items whose history goes, too."""
    more: bool = False
    """True if others are to be deleted still: ask again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowancesAnswer:
    """Contents that are allowed: ``sha256``, ``reason``, ``at``, ``size``, ``until``; after a change, that one."""

    by: Answerer
    allowed: Annotated[tuple[Json, ...], Most(ALLOWED)]
    more: int = 0
    """The number of others beside these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsAnswer:
    """Records (docs/records.md), newest first, each with ``id`` and ``at``."""

    by: Answerer
    records: Annotated[tuple[Json, ...], Most(RECORDS)]
    before: int = 0
    """Not 0 if there may be others, older ones: a number to ask on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescanAnswer:
    """The files that are judged again."""

    by: Answerer
    files: int
    more: bool = False
    """True if there are others below that path: `RESCANS` are queued at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Find:
    """A file that was judged, as a notification needs it. Texts are printable, and cut where they are too long."""

    id: int
    """The record's number."""
    at: float
    """Unix time of the judgement."""
    path: Annotated[str, Most(_PATH)]
    name: Annotated[str, Most(_SENTENCE)] = ""
    """The name that a person understands; may be empty."""
    verdict: Verdict
    reason: Annotated[str, Most(_NAME)] = ""
    """The rule that set the verdict, the most harmful one."""
    summary: Annotated[str, Most(_SENTENCE)] = ""
    """The first finding in words."""
    size: int
    sha256: Annotated[str, Most(64)] = ""
    """Empty if it was not computed."""
    item: Annotated[str, Most(12)] = ""
    """The quarantined item that the file became; empty if it was not moved, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsAnswer:
    """The finds, oldest first."""

    by: Answerer
    store: Annotated[str, Most(_NAME)]
    """The store that the numbers are of: a damaged one is replaced by another, which begins anew."""
    upto: int
    """The number up to which everything was looked through."""
    finds: Annotated[tuple[Find, ...], Most(FINDS)]
    more: bool = False
    """True if others wait behind these."""


class RefusalCause(StrEnum):
    """Reasons why a request has no answer."""

    UNREADABLE = "unreadable"
    """It is no request that this version knows."""
    FORBIDDEN = "forbidden"
    """The one who asked may not do that."""
    BUSY = "busy"
    """Too much was asked at once: try again."""
    FAILED = "failed"
    """It was tried and refused; the words say why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefusal:
    """The request has no answer."""

    why: RefusalCause
    message: Annotated[str, Most(_SENTENCE)] = ""
    hint: Annotated[str, Most(_SENTENCE)] = ""


Answer = (
    StatusAnswer
    | ItemAnswer
    | ItemChangedAnswer
    | PurgeAnswer
    | AllowancesAnswer
    | RecordsAnswer
    | RescanAnswer
    | NewsAnswer
    | RequestRefusal
)

REQUESTS: Final[dict[str, type]] = {
    "status": StatusRequest,
    "item": ItemRequest,
    "restore": RestoreItemRequest,
    "delete": DeleteItemRequest,
    "purge": PurgeRequest,
    "allow": AllowRequest,
    "allowances": AllowancesRequest,
    "records": RecordsRequest,
    "named": NamedRequest,
    "rescan": RescanRequest,
    "news": NewsRequest,
}
ANSWERS: Final[dict[str, type]] = {
    "status": StatusAnswer,
    "item": ItemAnswer,
    "changed": ItemChangedAnswer,
    "purge": PurgeAnswer,
    "allowances": AllowancesAnswer,
    "records": RecordsAnswer,
    "rescan": RescanAnswer,
    "news": NewsAnswer,
    "refusal": RequestRefusal,
}
