"""Finds records for a person: by verdict, time, place, user or name, with what has become of each file since."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.found_record import Fate, FoundRecord, RecordFilter
from picklewatch.core.model import Outcome, Verdict, printable
from picklewatch.store.rows import unsigned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from picklewatch.store.database import Database
    from picklewatch.store.transaction import Row


COUNTED: Final = 1_000
"""Files that are counted at most."""
LOOKS: Final = 5_000
"""Files that are looked for where an answer must come soon: some tenths of a second."""
NAMED: Final = 100_000
"""Records, the newest, among which a name is looked for where an answer must come soon: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the records that are wanted."""

    found: Sequence[FoundRecord]
    """Newest first."""
    before: int
    """The number of the last record that was looked at: others may be before it. 0 if all were looked at."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The number of files that are wanted."""

    verdicts: Mapping[Verdict, int]
    """By what is acted on."""
    is_whole: bool
    """False if not all files were looked at: there may be more."""

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.verdicts.values())


class FoundRecords:
    """What the records of one store say about the files of now. Only reads."""

    def __init__(self, database: Database, may_look: Callable[[str], bool] = lambda _path: True) -> None:
        """A path at which it may not look, such as one on a disk that may not answer, counts as there."""
        self._database, self._may_look = database, may_look

    def looking(self, may_look: Callable[[str], bool]) -> FoundRecords:
        """Return the same, which looks only at paths where *may_look* says so."""
        return FoundRecords(self._database, may_look)

    def newest_first(self, wanted: RecordFilter, items: Mapping[str, str] | None = None) -> Iterator[FoundRecord]:
        """Yield the records that are *wanted*, newest first.

        *items* tells the `Fate` of what was moved, by the item's id. A few hundred rows are held at a time.
        """
        return (found for _, found in self._looked_at(wanted, items or {}) if found is not None)

    def page(  # noqa: PLR0913 - one per bound
        self,
        wanted: RecordFilter,
        items: Mapping[str, str] | None = None,
        *,
        limit: int,
        sees: Callable[[FoundRecord], bool] = lambda _found: True,
        before: int = 0,
        looks: int = LOOKS,
    ) -> Page:
        """Return up to *limit* of the records that are *wanted*, and that *sees* admits, newest first.

        Those *before* a number alone, if one is given. Not more files are looked for than *looks*.
        """
        chosen: list[FoundRecord] = []
        last = 0
        for looked, (number, found) in enumerate(self._looked_at(wanted, items or {}, before)):
            if len(chosen) == limit or looked == looks:
                return Page(chosen, last)
            if found is not None and sees(found):
                chosen.append(found)
            last = number
        return Page(chosen, 0)

    def tally(
        self, wanted: RecordFilter, sees: Callable[[FoundRecord], bool] = lambda _found: True, looks: int = LOOKS
    ) -> Tally:
        """Count what is *wanted*, and *sees* admits: up to `COUNTED` of them among so many *looks*."""
        page = self.page(wanted, limit=COUNTED, sees=sees, looks=looks)
        return Tally(Counter(found.outcome.effective for found in page.found), is_whole=not page.before)

    def _looked_at(
        self, wanted: RecordFilter, items: Mapping[str, str], before: int = 0
    ) -> Iterator[tuple[int, FoundRecord | None]]:
        """Yield the number of each record that may be *wanted*, and the record if it is."""
        seen: set[object] = set()
        for row in self._rows(wanted, before or _NEWEST):
            found = self._found(row, items)
            is_known = wanted.unsafe_now and not seen.isdisjoint(_keys(row, found))
            # a file whose verdict was taken back has several: the newest counts meanwhile
            seen.update(_keys(row, found) if wanted.unsafe_now else ())
            yield row[0], found if not is_known and wanted.admits(found) else None

    def _rows(self, wanted: RecordFilter, before: int) -> Iterator[Row]:
        sql, parameters = _where(wanted)
        while rows := self._database.query(sql, (*parameters, before, _BATCH)):
            before = rows[-1][0]
            yield from rows

    def by_number(self, number: int, items: Mapping[str, str] | None = None) -> FoundRecord | None:
        """Return the record *number*, or None."""
        rows = self._database.query(_BY_NUMBER, (number,))
        return self._found(rows[0], items or {}) if rows else None

    def shown_now(self, records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return *records*, of `Records.latest`, as they are shown, with what has become of each file."""
        found = ((record, self.by_number(record["id"])) for record in records)
        return [{**each.to_json(), "names": record["names"]} for record, each in found if each is not None]

    def by_name(
        self, shown: str, items: Mapping[str, str] | None = None, *, newest: int | None = None
    ) -> list[FoundRecord]:
        """Return the newest record of each file that has this path or name, or was shown as *shown*, newest first.

        Reads the whole table, or only the *newest* so many.
        """
        rows = self._database.query(_BY_NAME, (os.fsencode(shown), printable(shown), _BATCH, newest))
        return [self._found(row, items or {}) for row in _newest(rows)]

    def by_digest(self, sha256: str) -> list[FoundRecord]:
        """Return the newest records of contents with this digest, of each file one."""
        return [self._found(row, {}) for row in _newest(self._database.query(_BY_DIGEST, (sha256, _BATCH)))]

    def by_item(self, prefix: str, items: Mapping[str, str] | None = None) -> list[FoundRecord]:
        """Return the newest record of each file that became a quarantined item whose id begins with *prefix*."""
        if len(prefix) < _SHORTEST or not set(prefix.lower()) <= set("0123456789abcdef"):
            return []
        rows = self._database.query(_BY_ITEM, (f"{prefix.lower()}*", _BATCH))
        return [self._found(row, items or {}) for row in _newest(rows)]

    def _found(self, row: Row, items: Mapping[str, str]) -> FoundRecord:
        number, at, device, inode, size, mtime_ns, current, raw, body_text, item, reason, stored, until = row
        body = json.loads(body_text)
        names = self._database.query("SELECT path FROM names WHERE device = ? AND inode = ?", (device, inode))
        paths = [raw, *(name for (name,) in names)]
        unseen = next((path for path in paths if not self._may_look(os.fsdecode(path))), None)
        if unseen is None:
            where, owner, lies_at = _look(paths, device, inode, size, mtime_ns)
        else:
            where, owner, lies_at = Fate.THERE, None, unseen
        if current is not None and current != number:
            where = Fate.SUPERSEDED
        elif item is not None and not where.is_there:
            where = Fate(items.get(item, Fate.QUARANTINED))
        if until is not None and until <= time.time():
            reason = current = None
        outcome = _outcome(Outcome(stored), Verdict(body["verdict"]), is_allowed=reason is not None, judged=current)
        is_withdrawn = stored == Outcome.ALLOWED and outcome is not Outcome.ALLOWED
        return FoundRecord(
            number=number,
            at=at,
            path=os.fsdecode(raw),
            verdict=Verdict(body["verdict"]),
            outcome=outcome,
            allowed=None if is_withdrawn else body.get("allowed") if reason is None else reason,
            where=where,
            owner=owner,
            lies_at=None if lies_at is None else os.fsdecode(lies_at),
            item=item,
            body=body,
        )


_NEWEST: Final = (1 << 63) - 1
_BATCH: Final = 500
_SHORTEST: Final = 4
"""Digits of an item's id that are looked for at least: fewer are part of too many."""
_SELECT: Final = (
    "SELECT r.id, r.at, r.device, r.inode, r.size, r.mtime_ns, f.record, r.path, r.body, i.item, a.reason, r.verdict, "
    "a.until FROM records AS r LEFT JOIN files AS f ON f.device = r.device AND f.inode = r.inode "
    "LEFT JOIN intents AS i ON i.record = r.id AND i.state = 'done' LEFT JOIN allowed AS a ON a.sha256 = r.sha256"
)
_BY_NUMBER: Final = f"{_SELECT} WHERE r.id = ?"
_BY_DIGEST: Final = f"{_SELECT} WHERE r.sha256 = ? ORDER BY r.id DESC LIMIT ?"
_BY_ITEM: Final = f"{_SELECT} WHERE i.item GLOB ? ORDER BY r.id DESC LIMIT ?"
_IS_NAMED: Final = (
    "r.path = ?1 OR json_extract(r.body, '$.path') = ?2 OR json_extract(r.body, '$.name') = ?2 "
    "OR EXISTS (SELECT 1 FROM json_each(r.body, '$.names') WHERE value = ?2)"
)
_IS_NEW: Final = "(?4 IS NULL OR r.id > (SELECT max(id) FROM records) - ?4)"
_BY_NAME: Final = f"{_SELECT} WHERE {_IS_NEW} AND ({_IS_NAMED}) ORDER BY r.id DESC LIMIT ?3"


def _newest(rows: list[Row]) -> list[Row]:
    """Return the first of the *rows* of each file; they are in order, newest first."""
    newest: dict[object, Row] = {}
    for row in rows:
        newest.setdefault(row[2:4] if row[2] is not None else row[7], row)
    return list(newest.values())


def _outcome(stored: Outcome, verdict: Verdict, *, is_allowed: bool, judged: int | None) -> Outcome:
    """Return what is acted on: an allowance of before, without a verdict on the file (*judged*), was withdrawn."""
    if is_allowed:
        return Outcome.ALLOWED
    return Outcome(verdict.value) if stored is Outcome.ALLOWED and judged is None else stored


def _where(wanted: RecordFilter) -> tuple[str, tuple[object, ...]]:
    """Return the query, and its parameters up to the number of the record before and the size of a batch.

    What was allowed comes along: whether it still is, is found out later.
    """
    outcomes = [*(verdict.value for verdict in wanted.verdicts), Outcome.ALLOWED.value]
    is_wanted = f"r.verdict IN ({', '.join('?' * len(outcomes))})"
    if not wanted.unsafe_now:
        is_wanted = f"({is_wanted} OR json_extract(r.body, '$.allowed') IS NOT NULL)"
    conditions: list[str] = [is_wanted, "r.at >= ?"]
    values: list[object] = [*outcomes, wanted.since]
    if wanted.under:
        path = os.fsencode(wanted.under)
        conditions.append("(r.path = ? OR (r.path > ? AND r.path < ?))")
        values += [path, path.rstrip(b"/") + b"/", path.rstrip(b"/") + b"0"]  # "0" follows "/"
    if wanted.unsafe_now:
        conditions.append("(f.record IS NULL OR f.record = r.id)")
    return f"{_SELECT} WHERE {' AND '.join(conditions)} AND r.id < ? ORDER BY r.id DESC LIMIT ?", tuple(values)


def _keys(row: Row, found: FoundRecord) -> Iterator[object]:
    """Yield what two records of one file have in common: the inode, or the path that leads to it now."""
    if row[2] is not None:
        yield row[2:4]
    if found.lies_at is not None:
        yield found.lies_at


def _look(
    paths: list[bytes], device: int | None, inode: int | None, size: int, mtime_ns: int | None
) -> tuple[Fate, int | None, bytes | None]:
    """Return what has become of the inode that *paths* led to, who owns it, and which of them leads to it.

    The device's number is not asked first: that of a network or union file system is another after each mount.
    """
    hidden: bytes | None = None
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - any bytes
        except (FileNotFoundError, NotADirectoryError):
            if device is None and os.path.lexists(path):  # a broken link has a record of its own
                return Fate.THERE, None, path
            continue
        except OSError:  # nobody may look: not a reason to call it gone
            hidden = hidden or path
            continue
        is_same = inode is None or status.st_ino == unsigned(inode)
        if is_same and (device is None or (status.st_size, status.st_mtime_ns) == (size, mtime_ns)):
            return Fate.THERE, status.st_uid, path
        if is_same and device is not None and status.st_dev == unsigned(device):
            return Fate.CHANGED, status.st_uid, path
    return (Fate.GONE if hidden is None else Fate.THERE), None, hidden
