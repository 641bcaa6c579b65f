"""``picklewatch check``: for those who come from pytorch-check; the same options, an honest exit status."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import config_option, scan_settings
from picklewatch.cli.scan import exit_status
from picklewatch.cli.viewing import LIMIT, opened, viewer
from picklewatch.inspect.present import present
from picklewatch.log.console import wants_colour
from picklewatch.model import Verdict, printable
from picklewatch.pipeline import judge, problem_record, with_names
from picklewatch.report import paint, record_lines
from picklewatch.subject import SubjectError
from picklewatch.targets import STDIN, collect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.cli.common import ScanSettings
    from picklewatch.errors import ExitStatus
    from picklewatch.model import Record
    from picklewatch.sandbox import Scanner, ViewKind
    from picklewatch.subject import Subject
    from picklewatch.targets import Target

EPILOG = """\
\b
Examples:
  picklewatch check model.pt             one file
  picklewatch check -t -d model.pt       with a trace and a disassembly of its pickles
  picklewatch check ~/models             every file below a directory, whatever its name

\b
Exit status:
  0  nothing unsafe    1  something is unsafe    2  something could not be scanned

docs/pytorch-check.md shows both side by side.
"""

_TITLES = {"trace": "Trace", "disassemble": "Disassembly"}


@click.command(name="check", short_help="Scan as pytorch-check did, for those who come from it.", epilog=EPILOG)
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(allow_dash=True, readable=False))
@click.option("-t", "--trace", is_flag=True, help="Follow the pickle machine of each file, executing nothing.")
@click.option("-d", "--dump", is_flag=True, help="Disassemble every pickle of each file.")
@click.option(
    "--limit", type=click.IntRange(1), default=LIMIT, metavar="N", show_default=True, help="Lines of -t and -d, a file."
)
@config_option
def command(*, paths: tuple[str, ...], trace: bool, dump: bool, limit: int, config_path: Path | None) -> ExitStatus:
    """Check files and directories, with the options of pytorch-check.

    Content decides what is looked at, not the file's name. `picklewatch scan` does the same with more options;
    `picklewatch explain` says more about one file.
    """
    from picklewatch.sandbox import ViewKind

    kinds = [kind for kind, wanted in ((ViewKind.TRACE, trace), (ViewKind.DISASSEMBLE, dump)) if wanted]
    counts: Counter[Verdict] = Counter()
    settings = scan_settings(config_path)
    with viewer(settings) as scanner:
        for target in collect(paths).items:
            counts.update(_check(target, scanner, settings, kinds, limit))
    return exit_status(counts, Verdict.UNSAFE)


def _check(
    target: Target, scanner: Scanner, settings: ScanSettings, kinds: list[ViewKind], limit: int
) -> list[Verdict]:
    """Check one file and write what is to be said about it."""
    from picklewatch.engine.version import engine_version

    colour = wants_colour(sys.stdout)
    click.echo(paint("info", f"--- Processing {printable(target.path)}", colour=colour))
    try:
        if target.problem is not None:
            raise target.problem
        with opened(target.path) as subject:
            record = judge(subject, scanner, settings.policy, engine_version())
            if target.path == STDIN:
                record = replace(record, path=STDIN, name=None, names=(), file=None)
            for kind in kinds:
                _view(scanner, subject, kind, limit, colour=colour)
    except SubjectError as problem:
        record = problem_record(problem, engine_version())
    sys.stdout.writelines(f"{line}\n" for line in _result(with_names(record, target.names), colour=colour))
    return [record.judgement.verdict]


def _view(scanner: Scanner, subject: Subject, kind: ViewKind, limit: int, *, colour: bool) -> None:
    from picklewatch.sandbox import ViewRequest

    click.echo(paint("info", f"# {_TITLES[kind]}", colour=colour))
    with closing(scanner.view(subject.fd, ViewRequest(kind=kind, limit=limit))) as lines:
        sys.stdout.writelines(f"{line}\n" for line in present(lines, colour=colour))


def _result(record: Record, *, colour: bool) -> Iterator[str]:
    yield from record_lines(record, colour=colour)
    verdict = record.judgement.verdict
    if verdict.rank >= Verdict.UNSCANNABLE.rank:
        what = "could not be checked" if verdict is Verdict.UNSCANNABLE else "is unsafe"
        yield paint("unsafe", f"{printable(record.path)} {what}", colour=colour)
