"""``picklewatch doctor``: check this machine, and prove that scanning works."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import concerns_system, config_option, json_option, state_dir, state_option
from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import printable
from picklewatch.explain.record_text import paint
from picklewatch.telemetry.log.console import wants_colour

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.doctor import CheckResult

EPILOG = """\
\b
It checks versions, known vulnerabilities of this Python, the configuration and
who may change it, systemd's units, the state directory, the daemon's health,
the sandbox's protections, the caches, inotify's limits and the quarantine, and
has the running daemon, or a temporary one, judge a harmless self-test file.

\b
Exit status:
  0   everything works; there may be notes
  1   a protection is missing, or something does not work
  78  the configuration has mistakes
"""

_NAME = 20
_INDENT = 5 + _NAME + 1
_MARKS = {"good": ("clean", "ok"), "remark": ("warning", "note"), "bad": ("error", "BAD")}


@click.command(name="doctor", epilog=EPILOG)
@config_option
@state_option
@json_option
def command(*, config_path: Path | None, state: Path | None, as_json: bool) -> ExitStatus:
    """Check this machine and prove that scanning works."""
    from picklewatch.doctor import examine

    colour = wants_colour(sys.stdout)
    checks: list[CheckResult] = []
    for check in examine(config_path, state_dir(state), asks_system=concerns_system(state)):
        checks.append(check)
        if not as_json:
            click.echo("\n".join(lines(check, colour=colour)), color=colour)
            sys.stdout.flush()
    status = exit_status(checks)
    if as_json:
        click.echo(
            json.dumps({"good": status is ExitStatus.OK, "checks": [check.to_json() for check in checks]}, indent=2)
        )
    else:
        click.echo(verdict(checks), color=colour)
    return status


def exit_status(checks: list[CheckResult]) -> ExitStatus:
    """Return the exit status for *checks*."""
    bad = {check.name for check in checks if check.state == "bad"}
    if "configuration" in bad:
        return ExitStatus.CONFIG
    return ExitStatus.UNSAFE if bad else ExitStatus.OK


def lines(check: CheckResult, *, colour: bool) -> Iterator[str]:
    """Yield the lines about one check."""
    style, mark = _MARKS[check.state.value]
    first, *more = check.text.split("\n")
    width = min(shutil.get_terminal_size().columns, 110)
    indent = " " * _INDENT
    label = f"{mark:<4} {check.name:<{_NAME}}"
    text = _fill(printable(first), width, indent)
    yield paint(style, label, colour=colour) + text[len(label) :]
    yield from (f"{indent}{printable(line)}" for line in more)
    if check.hint:
        yield _fill(f"-> {printable(check.hint)}", width, indent, hanging=3)


def _fill(text: str, width: int, indent: str, hanging: int = 0) -> str:
    """Wrap *text* without breaking a path or a word of a command."""
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + " " * hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def verdict(checks: list[CheckResult]) -> str:
    """Return the last line: whether everything works."""
    bad = sum(check.state == "bad" for check in checks)
    remarks = sum(check.state == "remark" for check in checks)
    noted = f"; {remarks} {'note' if remarks == 1 else 'notes'}" if remarks else ""
    if bad:
        return f"\n{bad} of {len(checks)} checks failed{noted}."
    return f"\nEverything works{noted}."
