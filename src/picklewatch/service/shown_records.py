"""Shows each user the records that concern them: what is unsafe now, what was judged, or what has a name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from picklewatch.core.found_record import RecordFilter, record_number
from picklewatch.ipc.messages import RECORDS, RecordsAnswer, RecordsRequest
from picklewatch.quarantine.lookup import fates
from picklewatch.service.viewers import quickly_answering
from picklewatch.store.found_records import NAMED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from picklewatch.core.found_record import FoundRecord
    from picklewatch.ipc.messages import Answerer, NamedRequest
    from picklewatch.quarantine.item import Item
    from picklewatch.service.viewers import Viewer
    from picklewatch.store import Store

_FEW: Final = 5
"""Findings, imports and names of one file in an answer."""
_LONGEST: Final = 800_000
"""Bytes of all of them: an answer has an end."""


def answered_records(
    store: Store, viewer: Viewer, request: RecordsRequest | NamedRequest, items: Sequence[Item], by: Answerer
) -> RecordsAnswer:
    """Answer *request* with what *viewer* may see; *items* are those of the vault that they see, former ones too."""
    known = fates(items)
    if isinstance(request, RecordsRequest):
        return _page(store, viewer, request, known, by)
    found = [each for each in _named(store, request.name, known) if viewer.sees_record(each, known)]
    shown, _ = _sent(found[:RECORDS], viewer)
    return RecordsAnswer(by=by, records=tuple(shown))


def _page(
    store: Store, viewer: Viewer, request: RecordsRequest, known: Mapping[str, str], by: Answerer
) -> RecordsAnswer:
    wanted = RecordFilter(
        verdicts=frozenset(request.verdicts),
        since=request.since,
        under=request.under,
        uid=request.uid,
        homes=request.homes,
        unsafe_now=request.unsafe_now,
    )
    page = store.found.looking(quickly_answering()).page(
        wanted,
        known,
        limit=max(1, min(request.limit, RECORDS)),
        sees=lambda found: viewer.sees_record(found, known),
        before=max(0, request.before),
    )
    shown, last = _sent(page.found, viewer)
    return RecordsAnswer(by=by, records=tuple(shown), before=last or page.before)


def _named(store: Store, name: str, known: Mapping[str, str]) -> Iterable[FoundRecord]:
    """Return the records of what is called *name*; by a path or a name among the newest alone."""
    found = store.found.looking(quickly_answering())
    number = record_number(name)
    if number is not None:
        one = found.by_number(number, known)
        return () if one is None else (one,)
    return found.by_name(name, known, newest=NAMED) or found.by_item(name, known)


def _sent(records: Iterable[FoundRecord], viewer: Viewer) -> tuple[list[dict[str, Any]], int]:
    """Return *records* as JSON, as many as one answer may have, and the number of the last if there are more.

    Names that lie in others' homes are theirs alone, unless the file is the viewer's.
    """
    shown: list[dict[str, Any]] = []
    size = last = 0
    for found in records:
        fields = found.to_json()
        names = [n for n in fields["names"] if viewer.whole or found.owner == viewer.uid or viewer.sees_path(n)]
        fields |= {"names": names[:_FEW], **{key: fields[key][:_FEW] for key in ("findings", "imports")}}
        size += len(json.dumps(fields))
        if shown and size > _LONGEST:
            return shown, last
        shown.append(fields)
        last = found.number
    return shown, 0


def is_path(text: str) -> bool:
    """Return True if *text* can be the name of a file: not every text can."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return "\0" not in text
