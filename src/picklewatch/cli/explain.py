"""``picklewatch explain``: explain what a file would do, why it got its verdict, and what to do next."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import sys
import textwrap
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from picklewatch.cli.common import config_option, json_option, scan_settings, state_dir, state_option
from picklewatch.cli.moved_items import moved_item
from picklewatch.cli.named import record_named
from picklewatch.cli.scan import exit_status
from picklewatch.cli.viewing import member_option, opened, page, viewer
from picklewatch.core.errors import Error
from picklewatch.core.model import Outcome, Record, Verdict, printable
from picklewatch.core.tombstone import TOMBSTONE_LENGTH, parse_tombstone
from picklewatch.explain.found_text import found_lines
from picklewatch.explain.record_text import paint
from picklewatch.explain.verdict_text import RESTORING, Explanation, explain, wanted
from picklewatch.scanning.collect_paths import STDIN
from picklewatch.scanning.scan_file import scan_file
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.cli.common import ScanSettings
    from picklewatch.cli.moved_items import MovedItem
    from picklewatch.core.errors import ExitStatus
    from picklewatch.core.found_record import FoundRecord
    from picklewatch.explain.verdict_text import Advice, Reason

_LINES = 500
_WIDTH = 100
_NARROWEST = 40
_FINDINGS = 4
_PLACE_WIDTH = 40

EPILOG = """\
\b
Examples:
  picklewatch explain model.bin
  picklewatch explain --json model.bin | jq .effects
  picklewatch explain r12                the file of a record (see `picklewatch findings`)

\b
Exit status, as for `picklewatch scan`:
  0  nothing unsafe    1  unsafe    2  could not be scanned
"""


@click.command(name="explain", short_help="Explain what a file would do if it were loaded, and why.", epilog=EPILOG)
@click.argument("file", type=click.Path(allow_dash=True, readable=False))
@member_option("Only what lies in this archive member")
@json_option
@state_option
@config_option
def command(
    *, file: str, member: str | None, as_json: bool, state: Path | None, config_path: Path | None
) -> ExitStatus:
    """Explain what FILE would do if it were loaded, and why it got its verdict.

    FILE is a path, the id of a record (r12), or the name that was shown.

    First in plain words; then the relevant lines, the reasons, how certain they are, and what to do next.
    """
    if file != STDIN and (found := record_named(file, state_dir(state), config_path)) is not None:
        if found.lies_at is None or not found.where.is_there:
            return _recorded(found, config_path, state, as_json=as_json)
        file = found.lies_at
    explanation, item = explained_with_item(file, scan_settings(config_path, state), member)
    moved = None if item is None else moved_item(item, config_path, state)
    known = None if state is not None else _allowed_by_system(explanation.record)
    if as_json:
        more: dict[str, Any] = {} if item is None else {"item": None if moved is None else moved.to_json()}
        more |= {} if known is None else {"system_allows": known.allowed}
        click.echo(json.dumps({**explanation.to_json(), **more}, ensure_ascii=False))
    else:
        colour = wants_colour(sys.stdout)
        lines = itertools.chain(
            text_lines(explanation, width=_width(), colour=colour),
            () if moved is None else _moved_lines(moved, colour=colour),
            () if known is None else _allowed_lines(known, colour=colour),
        )
        page((f"{line}\n" for line in lines), colour=colour)
    return exit_status(Counter([explanation.record.judgement.outcome]), Verdict.UNSAFE)


def _allowed_by_system(record: Record) -> FoundRecord | None:
    """Return the record of the system's daemon by which it lets stay what is unsafe by this user's own list."""
    if record.path == STDIN or record.judgement.effective.rank < Verdict.UNSAFE.rank:
        return None
    from picklewatch.cli.asked_records import named  # not for what is harmless: `explain` starts fast

    with contextlib.suppress(Error):  # it may be busy; the explanation stands without its word
        there = [found for found in named(record.path) or () if found.where.is_there]
        same = (found for found in there if found.body["sha256"] == record.report.sha256)
        return next((found for found in same if found.outcome is Outcome.ALLOWED), None)
    return None


def _allowed_lines(known: FoundRecord, *, colour: bool) -> Iterator[str]:
    yield ""
    yield paint("info", "What the system's daemon makes of it", colour=colour)
    yield f"  It lets the file stay: the content is allowed on this machine: {printable(known.allowed or '')}"


def _recorded(found: FoundRecord, config_path: Path | None, state: Path | None, *, as_json: bool) -> ExitStatus:
    """Show what is known of a file that is not where it was, or is another by now."""
    moved = None if found.item is None else moved_item(found.item, config_path, state)
    if as_json:
        more = {} if moved is None else {"item": moved.to_json()}
        click.echo(json.dumps({**found.to_json(), **more}, ensure_ascii=False))
    else:
        colour = wants_colour(sys.stdout)
        lines = found_lines(found, colour=colour)
        click.echo("\n".join([*lines, *(() if moved is None else _moved_lines(moved, colour=colour))]))
    return exit_status(Counter([found.outcome]), Verdict.UNSAFE)


def explained(file: str, settings: ScanSettings, member: str | None = None) -> Explanation:
    """Judge *file* and explain it, or one *member* of it.

    Raises `picklewatch.core.errors.Error`.
    """
    return explained_with_item(file, settings, member)[0]


def explained_with_item(file: str, settings: ScanSettings, member: str | None = None) -> tuple[Explanation, str | None]:
    """Do as `explained`; return the quarantined item, too, whose tombstone *file* is."""
    from picklewatch.sandbox import ViewKind, ViewRequest
    from picklewatch.sandbox.engine_version import engine_version

    with opened(file) as subject, viewer(settings) as scanner:
        record = scan_file(subject, scanner, settings.policy, engine_version())
        if file == STDIN:
            record = replace(record, path=STDIN, name=None, names=(), file=None)
        places, names = wanted(record)
        if not places and not names:
            item = _item(subject.fd)
            return explain(record, (), member, item=item), item
        request = ViewRequest(kind=ViewKind.EXPLAIN, member=member, limit=_LINES, places=places, names=names)
        with closing(scanner.view(subject.fd, request)) as lines:
            return explain(record, lines, member), None


def _item(fd: int) -> str | None:
    """Return the quarantined item whose tombstone *fd* is; None if it is none."""
    return parse_tombstone(os.pread(fd, TOMBSTONE_LENGTH + 1, 0))


def _moved_lines(moved: MovedItem, *, colour: bool) -> Iterator[str]:
    yield ""
    yield paint("info", "What was here", colour=colour)
    yield from (f"  {line}" if line else "" for line in moved.lines(colour=colour))


def _width() -> int:
    return max(_NARROWEST, min(_WIDTH, shutil.get_terminal_size().columns))


def text_lines(explanation: Explanation, *, width: int, colour: bool) -> Iterator[str]:
    """Yield *explanation* as lines for a person."""
    writer = _Writer(width, colour=colour)
    yield from writer.head(explanation.record)
    yield ""
    yield from writer.paragraph(explanation.headline)
    for effect in explanation.effects:
        yield from writer.item(effect)
    if explanation.lines:
        yield from writer.title("The lines that matter")
        yield from writer.lines(explanation)
    if explanation.reasons:
        yield from writer.title("Why")
        for reason in explanation.reasons:
            yield from writer.reason(reason)
    yield from writer.title("How sure")
    yield from writer.paragraph(explanation.confidence, indent="  ")
    yield from writer.title("What to do now")
    for advice in explanation.advice:
        yield from writer.advice(advice)


class _Writer:
    """Writer of the parts of an explanation within a width."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self._width = width
        self._colour = colour

    def head(self, record: Record) -> Iterator[str]:
        """Write the verdict and what it is about."""
        verdict = record.judgement.verdict.value
        label = paint(verdict, f" {verdict.upper()} ", colour=self._colour)
        yield f"{label} {printable(record.name or record.path)}"
        if record.name is not None:
            yield f"  {paint('dim', printable(record.path), colour=self._colour)}"

    def title(self, text: str) -> Iterator[str]:
        """Write the title of a part."""
        yield ""
        yield paint("info", text, colour=self._colour)

    def paragraph(self, text: str, indent: str = "", first: str | None = None) -> Iterator[str]:
        """Write *text*, wrapped."""
        yield from textwrap.wrap(
            text,
            self._width,
            initial_indent=indent if first is None else first,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def lines(self, explanation: Explanation) -> Iterator[str]:
        """Write the lines that matter below each other."""
        width = min(_PLACE_WIDTH, max(len(where) for where, _ in explanation.lines))
        for where, code in explanation.lines:
            yield f"  {paint('dim', f'{where:<{width}}', colour=self._colour)}  {code}"

    def item(self, text: str) -> Iterator[str]:
        """Write *text* as an item of a list."""
        yield from self.paragraph(text, indent="    ", first="  - ")

    def reason(self, reason: Reason) -> Iterator[str]:
        """Write one rule that counts, and where."""
        level = reason.findings[0].level.value if reason.findings else "unscannable"
        yield f"  {paint(level, reason.rule, colour=self._colour)}  {reason.title}"
        yield from self.paragraph(f"{reason.meaning} {reason.danger}", indent="    ")
        for finding in reason.findings[:_FINDINGS]:
            yield from self.paragraph(f"{finding.where}: {finding.summary}", indent="      ", first="    * ")
            if reason.rule in RESTORING and finding.evidence:
                yield from self.paragraph(printable(finding.evidence), indent="      ")
        if len(reason.findings) > _FINDINGS:
            yield f"    * and {len(reason.findings) - _FINDINGS} more places"

    def advice(self, advice: Advice) -> Iterator[str]:
        """Write one thing to do, and what to paste."""
        yield from self.item(advice.text)
        for line in advice.command.splitlines():
            yield f"      {paint('unverified', line, colour=self._colour)}"
