"""The answers about the contents of a batch: encoding, and reading without believing. Pure.

One line of JSON per content, in the order of the contents: ``["inert", {…}]`` with what its record needs, or
``["alone", token]``. Each carries the token that stands before the content, which its author can't know: an answer that
content smuggled into the output, or that was given before the content's turn, has not the right one. Whatever is not as
it must be makes the whole batch worthless, and its files are judged alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from picklewatch.sandbox import wire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.core.model import Limits, ScanReport

TOKEN: Final = 16
"""Random bytes before each content."""


# --- the child's side -------------------------------------------------------------------------------------------


def is_inert(report: ScanReport) -> bool:
    """Return True if there is nothing to say about a content but what it is."""
    return report.complete and not report.findings


def encode_answer(token: str, report: ScanReport | None, limits: Limits) -> bytes:
    """Return the line about the content behind *token*: inert, as *report* says, or to be judged alone (None)."""
    if report is not None:
        line = wire.encode("inert", {"token": token, **wire.encode_inert(report, limits)})
        if len(line) <= wire.LINE:
            return line
    return wire.encode("alone", token)


# --- the parent's side ------------------------------------------------------------------------------------------


class AnswerReader:
    """Collects the answers about the contents with *tokens*. Raises `GarbageError`."""

    def __init__(self, tokens: Sequence[bytes], limits: Limits) -> None:
        self._tokens = [token.hex() for token in tokens]
        self._limits = limits
        self.answers: list[ScanReport | None] = []
        """The reports on the first contents; None for one that is to be judged alone."""

    def take(self, kind: str, value: object) -> None:
        """Take one answer: the one that is due, and no other."""
        if len(self.answers) == len(self._tokens):
            raise wire.GarbageError("it answered for more contents than there are")
        due = self._tokens[len(self.answers)]
        if kind == "alone" and value == due:
            self.answers.append(None)
        elif kind == "inert" and isinstance(value, dict) and value.pop("token", None) == due:
            self.answers.append(self._inert(value))
        else:
            raise wire.GarbageError("it sent something else than the answer that is due")

    def _inert(self, value: dict[Any, Any]) -> ScanReport:
        report = wire.inert_report(value, self._limits)
        if not is_inert(report):
            raise wire.GarbageError("it called a content inert that it did not read to its end")
        return report
