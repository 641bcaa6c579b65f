"""Records that a daemon answers over its socket: the system's about a user's files, or one of the user's own."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Any, Final

import click

from picklewatch.cli import daemons
from picklewatch.cli.common import concerns_system, state_dir
from picklewatch.core.errors import StateError
from picklewatch.core.found_record import FoundRecord
from picklewatch.ipc.messages import LONGEST_NAME, RECORDS, NamedRequest, RecordsAnswer, RecordsRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from picklewatch.core.found_record import RecordFilter
    from picklewatch.ipc.client import Heard

    Records = Iterator[FoundRecord]

_SECONDS: Final = 30.0
"""For asking on. Each answer may look at some thousands of files, which may all be others'."""
_ENOUGH: Final = "give --path or --since, or ask as root"


@contextlib.contextmanager
def records(
    wanted: RecordFilter,
    state: Path | None,
    limit: int,
    own: Callable[[Path], contextlib.AbstractContextManager[Records]],
) -> Iterator[Records]:
    """Give the records that are *wanted* of each daemon that concerns this user, the newest first.

    *own* opens those in the state of one's own. *limit* is how many are shown; 0 for all.
    """
    asks = concerns_system(state)
    with contextlib.ExitStack() as stack:
        asked = _asked(wanted, limit, is_system=True) if asks else None
        try:
            mine: Records = stack.enter_context(own(state_dir(state)))
        except StateError:
            answered = _asked(wanted, limit, is_system=False) if asks else None
            if asked is None and answered is None:
                raise
            mine = answered or iter(())
        yield itertools.chain(asked or (), mine)


def named(name: str, *, is_system: bool = True) -> list[FoundRecord] | None:
    """Return the records of this user's files that the system's daemon, or one of their own, knows as *name*.

    None if there is no such daemon.
    """
    if not concerns_system(None) or not 0 < len(name) <= LONGEST_NAME:
        return None
    ask = daemons.ask_system if is_system else daemons.ask_own
    heard = ask(NamedRequest(name=name))
    return None if heard is None else [_built(fields) for fields in _answer(heard).records]


def _asked(wanted: RecordFilter, limit: int, *, is_system: bool) -> Records | None:
    """Return what the system's daemon, or one of this user's own, answers about their files; None if there is none."""
    ask = daemons.ask_system if is_system else daemons.ask_own
    first = ask(_request(wanted, limit, 0))
    if first is None:
        return None
    click.echo(f"picklewatch: answered by {daemons.answerer(first, is_system=is_system)}", err=True)
    return _pages(wanted, limit, first, ask)


def _pages(wanted: RecordFilter, limit: int, first: Heard, ask: Callable[[RecordsRequest], Heard | None]) -> Records:
    """Yield one more than *limit* at most: whoever shows them says that there are more."""
    seen: set[str] = set()
    number, answer, until = 0, _answer(first), time.monotonic() + _SECONDS
    while True:
        for found in map(_built, answer.records):
            if wanted.unsafe_now and found.path in seen:  # of a file whose verdict was taken back there may be several
                continue
            seen.add(found.path)
            number += 1
            yield found
        if not answer.before or (limit and number > limit):
            return
        heard = ask(_request(wanted, limit and limit + 1 - number, answer.before)) if time.monotonic() < until else None
        if heard is None:
            click.echo(f"picklewatch: the daemon did not look through all of its records: {_ENOUGH}", err=True)
            return
        answer = _answer(heard)


def _request(wanted: RecordFilter, limit: int, before: int) -> RecordsRequest:
    return RecordsRequest(
        verdicts=tuple(wanted.verdicts),
        since=wanted.since,
        under=wanted.under,
        uid=wanted.uid,
        homes=wanted.homes,
        unsafe_now=wanted.unsafe_now,
        limit=min(limit + 1 if limit else RECORDS, RECORDS),
        before=before,
    )


def _answer(heard: Heard) -> RecordsAnswer:
    assert isinstance(heard.answer, RecordsAnswer)
    return heard.answer


def _built(fields: dict[str, Any]) -> FoundRecord:
    try:
        return FoundRecord.of(fields)
    except (ValueError, KeyError, TypeError):
        raise StateError("the daemon's answer can't be read", "It may be of another version: restart it.") from None
