"""Parts that the commands for views of a file share: options, opening the file, paging, JSON."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picklewatch.access.open_file import Subject, open_subject
from picklewatch.cli.common import config_option, json_option, scan_settings
from picklewatch.cli.stdin import open_standard_input
from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import FileId
from picklewatch.explain.view_text import present
from picklewatch.scanning.collect_paths import STDIN
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from picklewatch.cli.common import ScanSettings
    from picklewatch.sandbox import Scanner, ViewKind

    F = TypeVar("F", bound=Callable[..., Any])

LIMIT = 10_000
"""Lines shown unless the user says otherwise."""


def member_option(what: str) -> Callable[[F], F]:
    """Make the option ``--member``, which shows *what*."""
    text = f'{what}: its name, the end of it, or a pattern such as "*/data.pkl".'
    return click.option("--member", metavar="NAME", help=text)


def view_options(function: F) -> F:
    """Add the options that `show` takes: the file, ``--member``, ``--limit``, ``--json``, ``--config``."""
    for option in (
        config_option,
        json_option,
        click.option(
            "--limit",
            type=click.IntRange(1),
            default=LIMIT,
            metavar="N",
            show_default=True,
            help="Show at most N lines; a last line tells if there are more.",
        ),
        member_option("Only the pickles of this archive member"),
        click.argument("file", type=click.Path(allow_dash=True, readable=False)),
    ):
        function = option(function)
    return function


def show(  # noqa: PLR0913 - one per option
    kind: ViewKind, file: str, *, member: str | None, limit: int, as_json: bool, config_path: Path | None
) -> ExitStatus:
    """Show *file* as a view of *kind*, on a terminal through a pager.

    The status tells whether its end was reached.
    """
    from picklewatch.sandbox import ViewRequest

    request = ViewRequest(kind=kind, member=member, limit=limit)
    broken = _Broken(member)
    with (
        opened(file) as subject,
        viewer(scan_settings(config_path)) as scanner,
        closing(scanner.view(subject.fd, request)) as lines,
    ):
        write(broken.watch(lines), as_json=as_json)
    return ExitStatus.UNSCANNABLE if broken.seen else ExitStatus.OK


def write(lines: Iterable[dict[str, Any]], *, as_json: bool) -> None:
    """Write a view's *lines* as JSON, or as text, paged on a terminal."""
    if as_json:
        for line in lines:
            click.echo(json.dumps(line, ensure_ascii=False))
        return
    colour = wants_colour(sys.stdout)
    page((f"{text}\n" for text in present(lines, colour=colour)), colour=colour)


def page(texts: Iterable[str], *, colour: bool) -> None:
    """Write *texts*, on a terminal through a pager."""
    if sys.stdout.isatty():
        os.environ.setdefault("LESS", "-FRX")  # as git does: no pager for what fits on the screen
        click.echo_via_pager(texts, color=colour)
        return
    sys.stdout.writelines(texts)


class _Broken:
    """Watch for a view that did not reach its end, or found no pickle in the *member* that was asked for."""

    def __init__(self, member: str | None) -> None:
        self._failures = {"broken"} if member is None else {"broken", "none"}
        self.seen = False

    def watch(self, lines: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield *lines* unchanged."""
        for line in lines:
            self.seen = self.seen or line["kind"] in self._failures
            yield line


def viewer(settings: ScanSettings) -> Scanner:
    """Start a scanner that can also show files."""
    from picklewatch.sandbox import Scanner
    from picklewatch.sandbox.scanner import VIEWS

    return Scanner(settings.limits, require_sandbox=settings.require_sandbox, others=VIEWS)


@contextmanager
def opened(file: str) -> Iterator[Subject]:
    """Open *file*, ``-`` for standard input.

    Raises `picklewatch.core.errors.Error`.
    """
    if file != STDIN:
        with open_subject(file) as subject:
            yield subject
        return
    descriptor = open_standard_input()
    with Subject(descriptor, FileId.of(os.fstat(descriptor)), STDIN) as subject:
        yield subject
