"""``picklewatch check``: for users of pytorch-check; the same options, an honest exit status."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import click

from picklewatch.access.open_file import SubjectError
from picklewatch.cli.common import config_option, json_option, scan_settings
from picklewatch.cli.scan import exit_status
from picklewatch.cli.viewing import LIMIT, member_option, opened, page, viewer
from picklewatch.core.model import Verdict, printable
from picklewatch.explain.record_text import paint, record_lines
from picklewatch.explain.view_text import present
from picklewatch.scanning.collect_paths import STDIN, collect
from picklewatch.scanning.scan_file import problem_record, scan_file, with_names
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.access.open_file import Subject
    from picklewatch.cli.common import ScanSettings
    from picklewatch.core.errors import ExitStatus
    from picklewatch.core.model import Outcome, Record
    from picklewatch.sandbox import Scanner, ViewRequest
    from picklewatch.scanning.collect_paths import Target

EPILOG = """\
\b
Examples:
  picklewatch check model.pt             one file
  picklewatch check -t -d model.pt       with a trace and a disassembly of its pickles
  picklewatch check ~/models             every file below a directory, whatever its name

\b
Exit status:
  0  nothing unsafe    1  something is unsafe    2  something could not be scanned

docs/pytorch-check.md compares the two.
"""

_TITLES = {"trace": "Trace", "disassemble": "Disassembly"}


@click.command(name="check", short_help="Scan with the options of pytorch-check.", epilog=EPILOG)
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(allow_dash=True, readable=False))
@click.option("-t", "--trace", is_flag=True, help="Follow the pickle machine of each file, executing nothing.")
@click.option("-d", "--dump", is_flag=True, help="Disassemble every pickle of each file.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=LIMIT,
    metavar="N",
    show_default=True,
    help="Lines of -t and -d per file, at most.",
)
@member_option("With -t and -d, only this archive member")
@json_option
@config_option
def command(  # noqa: PLR0913 - one per option
    *,
    paths: tuple[str, ...],
    trace: bool,
    dump: bool,
    limit: int,
    member: str | None,
    as_json: bool,
    config_path: Path | None,
) -> ExitStatus:
    """Check files and directories, with the options of pytorch-check.

    Files are recognised by their content, not by their names. `picklewatch scan` does the same with more options;
    `picklewatch explain` explains one file in detail.
    """
    from picklewatch.sandbox import ViewKind, ViewRequest

    kinds = [kind for kind, wanted in ((ViewKind.TRACE, trace), (ViewKind.DISASSEMBLE, dump)) if wanted]
    views = tuple(ViewRequest(kind=kind, member=member, limit=limit) for kind in kinds)
    colour = wants_colour(sys.stdout) and not as_json
    settings = scan_settings(config_path)
    with viewer(settings) as scanner:
        check = _Check(scanner, settings, views, as_json=as_json, colour=colour)
        texts = (f"{line}\n" for target in collect(paths).items for line in check.lines(target))
        if views and not as_json:
            page(texts, colour=colour)
        for text in texts:  # a user who quits the pager has seen enough, but the exit status counts every file
            if not views or as_json:
                click.echo(text, nl=False)
    return exit_status(check.counts, Verdict.UNSAFE)


@dataclass(slots=True)
class _Check:
    """Check of one file after the other, with a count of the verdicts."""

    scanner: Scanner
    settings: ScanSettings
    views: tuple[ViewRequest, ...]
    counts: Counter[Outcome] = field(default_factory=Counter)
    as_json: bool = field(kw_only=True)
    colour: bool = field(kw_only=True)

    def lines(self, target: Target) -> Iterator[str]:
        """Check *target* and yield the lines about it."""
        from picklewatch.sandbox.engine_version import engine_version

        if not self.as_json:
            yield paint("info", f"--- Processing {printable(target.path)}", colour=self.colour)
        try:
            if target.problem is not None:
                raise target.problem
            with opened(target.path) as subject:
                record = scan_file(subject, self.scanner, self.settings.policy, engine_version())
                if target.path == STDIN:
                    record = replace(record, path=STDIN, name=None, names=(), file=None)
                for view in self.views:
                    yield from self._view(subject, view)
        except SubjectError as problem:
            record = problem_record(problem, engine_version())
        self.counts[record.judgement.outcome] += 1
        record = with_names(record, target.names)
        yield from [json.dumps(record.to_json(), ensure_ascii=False)] if self.as_json else self._result(record)

    def _view(self, subject: Subject, view: ViewRequest) -> Iterator[str]:
        with closing(self.scanner.view(subject.fd, view)) as lines:
            if self.as_json:
                yield from (json.dumps(line, ensure_ascii=False) for line in lines)
                return
            yield paint("info", f"# {_TITLES[view.kind]}", colour=self.colour)
            yield from present(lines, colour=self.colour)

    def _result(self, record: Record) -> Iterator[str]:
        yield from record_lines(record, colour=self.colour)
        verdict = record.judgement.effective
        if verdict.rank >= Verdict.UNSCANNABLE.rank:
            what = "could not be checked" if verdict is Verdict.UNSCANNABLE else "is unsafe"
            yield paint("unsafe", f"{printable(record.path)} {what}", colour=self.colour)
