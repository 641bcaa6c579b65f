"""``picklewatch trace``: follow the pickle machine step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from picklewatch.cli.viewing import show, view_options

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.core.errors import ExitStatus

EPILOG = """\
\b
Examples:
  picklewatch trace model.bin                   every step
  picklewatch trace --member data.pkl model.pt  one archive member
  picklewatch trace --json model.bin | jq       one JSON object per line (docs/views.md)

\b
Exit status: 0, or 2 if a crash or a limit of the scan cut the view short.
"""


@click.command(name="trace", short_help="Follow the pickle machine step by step.", epilog=EPILOG)
@view_options
def command(*, file: str, member: str | None, limit: int, as_json: bool, config_path: Path | None) -> ExitStatus:
    """Follow the pickle machine step by step.

    Every step of every pickle in FILE: the opcode, what it imports or calls, and the stack and the memo
    after it. Nothing is executed: a call's result is shown as v1, v2, …
    """
    from picklewatch.sandbox import ViewKind

    return show(ViewKind.TRACE, file, member=member, limit=limit, as_json=as_json, config_path=config_path)
