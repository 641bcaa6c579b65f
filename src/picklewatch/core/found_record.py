"""A record that somebody asked for, and what has become of its file. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from picklewatch.core.model import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping


class Fate(StrEnum):
    """What has become of a judged file. Looked up when it is asked for, never stored."""

    THERE = "there"
    """It lies where it was, or under another known name, as it was judged; or nobody may look."""
    CHANGED = "changed"
    """The file is there, and was written to since."""
    GONE = "gone"
    """No known name leads to it."""
    QUARANTINED = "quarantined"
    """It was moved into the vault."""
    RESTORED = "restored"
    """It was moved, and given back."""
    DELETED = "deleted"
    """It was moved, and deleted from the vault."""
    SUPERSEDED = "superseded"
    """It was judged again since; a newer record has the outcome."""

    @property
    def is_there(self) -> bool:
        """True if the file can be loaded from where it lies."""
        return self in (Fate.THERE, Fate.CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """The records that are asked for; each field that is given narrows them down."""

    verdicts: frozenset[Verdict] = frozenset(Verdict)
    """What the scan says; of what is unsafe now, what is left of it that nobody allowed."""
    since: float = 0.0
    """Unix time of the judgement, at least."""
    under: str = ""
    """An absolute path: that file, or what lies below that directory."""
    uid: int | None = None
    """A user: files that they own, or that lie below `homes`."""
    homes: tuple[str, ...] = ()
    """That user's home, in each of its spellings."""
    unsafe_now: bool = False
    """Only files that are there now, and that nobody allowed."""

    def admits(self, found: FoundRecord) -> bool:
        """Return True if *found* is what is asked for."""
        if self.unsafe_now:
            is_unsafe = found.where.is_there and found.outcome is not Outcome.ALLOWED
            is_kind = is_unsafe and found.outcome.effective in self.verdicts
        else:
            is_kind = found.verdict in self.verdicts
        is_under = not self.under or f"{found.path}/".startswith(f"{self.under.rstrip('/')}/")
        is_theirs = self.uid is None or found.owner == self.uid
        is_home = any(found.path.startswith(f"{home.rstrip('/')}/") for home in self.homes)
        return is_kind and is_under and found.at >= self.since and (is_theirs or is_home)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRecord:
    """One record, and what has become of its file."""

    number: int
    at: float
    """Unix time of the judgement."""
    path: str
    """Surrogate-escaped, as `os.fsdecode` gives it."""
    verdict: Verdict
    """What the scan says."""
    outcome: Outcome
    """What is acted on by now: an allowance counts from the moment that it is given, and no longer than that."""
    allowed: str | None
    """The reason that somebody gave for allowing the content, or an import in it, or None."""
    where: Fate
    owner: int | None
    """The user who owns the file now; None if it is not there."""
    lies_at: str | None
    """The path that leads to it now, surrogate-escaped; None if it is not there."""
    item: str | None
    """The quarantined item that it became, if it was moved."""
    body: Mapping[str, Any]
    """The documented JSON of the record (docs/records.md)."""
    is_asked: bool = False
    """True if another daemon answered it: its id may be another record's in this user's own state."""

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        """Return the record in *fields*, which `to_json` made.

        Raises `ValueError`, `KeyError` or `TypeError` for others.
        """
        fate, path = Fate(fields["where"]), str(fields["path"])
        return cls(
            number=record_number(fields["id"]) or 0,
            at=float(fields["at"]),
            path=path,
            verdict=Verdict(fields["verdict"]),
            outcome=Outcome(fields["outcome"]),
            allowed=fields["allowed"],
            where=fate,
            owner=fields["owner"],
            lies_at=path if fate.is_there else None,
            item=fields["item"],
            body=fields,
            is_asked=True,
        )

    @property
    def id(self) -> str:
        """The short id that every command shows and takes."""
        return record_id(self.number)

    @property
    def shown(self) -> str:
        """The name that a person knows it by, printable."""
        return str(self.body["name"] or self.body["path"])

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON object, with the id first."""
        found = {"at": self.at, "where": self.where.value, "item": self.item, "owner": self.owner}
        return {"id": self.id, **self.body, **found, "allowed": self.allowed, "outcome": self.outcome.value}


def record_id(number: int) -> str:
    """Return the short id of the record *number*: not hexadecimal, so that no quarantined item has it."""
    return f"r{number}"


def record_number(text: str) -> int | None:
    """Undo `record_id`; None if *text* is no id of a record."""
    digits = text[1:]
    is_id = text[:1] in {"r", "R"} and digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS
    return int(digits) if is_id else None


_DIGITS: Final = 18
UNSAFE_NOW: Final = RecordFilter(verdicts=frozenset({Verdict.UNSAFE, Verdict.MALICIOUS}), unsafe_now=True)
"""Unsafe and malicious files that are there, and that nobody allowed."""
