"""``picklewatch scan``: judge files and directories now."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import ScanSettings, config_option, scan_settings
from picklewatch.cli.progress import Progress
from picklewatch.cli.stdin import open_standard_input
from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import Outcome, Record, Verdict, printable
from picklewatch.core.path_patterns import excluder
from picklewatch.explain.code_groups import CodeGroups
from picklewatch.explain.record_text import record_lines, summary_line
from picklewatch.scanning.collect_paths import STDIN, collect
from picklewatch.scanning.scan_many import ScanPool
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from picklewatch.sandbox import Scanner
    from picklewatch.sandbox.direct import DirectProcess
    from picklewatch.scanning.collect_paths import CollectedTargets

EPILOG = """\
\b
Examples:
  picklewatch scan model.bin                 one file
  picklewatch scan ~/.cache/huggingface      a cache: each blob once, under its model's name
  picklewatch scan --format json . | jq      one JSON object per line (docs/records.md)
  curl -s https://… | picklewatch scan -     standard input
  picklewatch scan --fail-on unverified .    stricter, for CI

\b
Exit status:
  0   nothing at or above --fail-on (default: unsafe)
  1   something at or above --fail-on
  2   something could not be scanned, and nothing is at or above --fail-on;
      also a usage error
  75  the sandbox did not start: try again
  78  bad configuration, or the required sandbox is not available
"""

LEVELS = [verdict.value for verdict in reversed(Verdict) if verdict.rank >= Verdict.UNVERIFIED.rank]


@click.command(name="scan", epilog=EPILOG)
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(allow_dash=True, readable=False))
@click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", help="Output format (default: text)."
)
@click.option(
    "--fail-on",
    type=click.Choice(LEVELS),
    default=Verdict.UNSAFE.value,
    metavar="LEVEL",
    help=f"The lowest verdict for exit status 1: {', '.join(LEVELS)} (default: unsafe).",
)
@click.option("-q", "--quiet", is_flag=True, help="Show only files that are neither clean nor skipped, and no summary.")
@click.option("-j", "--jobs", type=click.IntRange(1, 256), metavar="N", help="Files scanned at the same time.")
@click.option(
    "--exclude", "exclude", multiple=True, metavar="GLOB", help='Skip matching files, such as "*.log"; repeatable.'
)
@click.option("--follow", is_flag=True, help="Follow links to directories, too.")
@config_option
def command(  # noqa: PLR0913 - one per option
    *,
    paths: tuple[str, ...],
    output: str,
    fail_on: str,
    jobs: int | None,
    exclude: tuple[str, ...],
    config_path: Path | None,
    quiet: bool,
    follow: bool,
) -> ExitStatus:
    """Scan files and directories now.

    Directories are scanned recursively, whatever the files are called. Each content is judged once, however many
    names lead to it. Nothing is ever unpickled, moved or changed.
    """
    direct = direct_process(paths)
    settings = scan_settings(config_path)
    try:
        excluded = excluder(exclude)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--exclude") from None
    targets = collect(paths, follow=follow, exclude=excluded)
    for target in targets.items:
        if target.path == STDIN and target.problem is None:
            target.fd = open_standard_input()
            target.size = os.fstat(target.fd).st_size
    start = time.monotonic()
    counts: Counter[Outcome] = Counter()
    progress = Progress(len(targets.items), targets.size)
    show = _Show(output, progress, quiet=quiet, named=paths)
    try:
        with closing(_records(targets, settings, jobs or settings.workers, progress, direct)) as records:
            for record in records:
                counts[record.judgement.outcome] += 1
                show.record(record)
    finally:
        progress.clear()
    show.end(targets, counts, time.monotonic() - start)
    return exit_status(counts, Verdict(fail_on))


def exit_status(counts: Counter[Outcome], fail_on: Verdict) -> ExitStatus:
    """Return the exit status for *counts* of each outcome: what is allowed counts as nothing unsafe."""
    found = [outcome for outcome, number in counts.items() if number]
    if any(outcome.rank >= fail_on.rank for outcome in found):
        return ExitStatus.UNSAFE
    return ExitStatus.UNSCANNABLE if Outcome.UNSCANNABLE in found else ExitStatus.OK


def direct_process(paths: Sequence[str]) -> DirectProcess | None:
    """Fork the process for the only file of *paths*; None where they are others, or it can't be made.

    This comes before anything is read, such as the configuration: all that this process knows, that one knows as well.
    """
    try:
        if len(paths) != 1 or not stat.S_ISREG(os.stat(paths[0]).st_mode):  # noqa: PTH116 - it may have a null byte
            return None
    except (OSError, ValueError):
        return None
    from picklewatch.sandbox.direct import start
    from picklewatch.sandbox.scanner import SCAN

    return start(SCAN)


class _Show:
    """Writer of records as they arrive."""

    def __init__(self, output: str, progress: Progress, *, quiet: bool, named: tuple[str, ...]) -> None:
        self._json = output == "json"
        self._progress = progress
        self._quiet = quiet
        self._colour = wants_colour(sys.stdout)
        self._named = {os.path.realpath(path) for path in named}
        self._code = CodeGroups()

    def record(self, record: Record) -> None:
        """Write *record*."""
        if self._quiet and record.judgement.effective.rank < Verdict.UNVERIFIED.rank:
            return
        if not self._json and os.path.realpath(record.path) not in self._named and self._code.take(record):
            return
        self._progress.clear()
        if self._json:
            sys.stdout.write(json.dumps(record.to_json(), ensure_ascii=False) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in record_lines(record, colour=self._colour))
        if sys.stdout.isatty():
            sys.stdout.flush()

    def end(self, targets: CollectedTargets, counts: Counter[Outcome], seconds: float) -> None:
        """Write the code of each repository, the summary, and which links were not followed."""
        if not self._json:
            sys.stdout.writelines(f"{line}\n" for line in self._code.lines(colour=self._colour, quiet=self._quiet))
        if not self._json and not self._quiet:
            sys.stdout.write(summary_line(counts, seconds, colour=self._colour) + "\n")
        sys.stdout.flush()
        for link in targets.unfollowed[:3]:
            click.echo(f"picklewatch: not followed: the link to a directory {printable(link)} (--follow)", err=True)
        if len(targets.unfollowed) > 3:  # noqa: PLR2004
            click.echo(f"picklewatch: … and {len(targets.unfollowed) - 3} more links to directories", err=True)


def _records(
    targets: CollectedTargets,
    settings: ScanSettings,
    workers: int,
    progress: Progress,
    direct: DirectProcess | None,
) -> Generator[Record, None, None]:
    ready = [settings.scanner(direct)] if targets.items else []  # it starts while this process reads the engine's lists

    def make() -> Scanner:
        return ready.pop() if ready else settings.scanner()

    from picklewatch.sandbox.engine_version import engine_version

    pool = ScanPool(make, settings.policy, engine_version(), workers, batch=settings.batch)

    def tick() -> None:
        sys.stdout.flush()
        progress.update(pool.done, pool.done_bytes)

    try:
        for missing in ready[0].protections.missing if ready else ():
            click.echo(f"picklewatch: warning: the sandbox is incomplete: {missing}", err=True)
        with closing(pool.run(targets.items, tick)) as records:
            for record in records:
                progress.update(pool.done, pool.done_bytes)
                yield record
    finally:
        for unused in ready:
            unused.close()
