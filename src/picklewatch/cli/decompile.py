"""``picklewatch decompile``: show a file's pickles as Python."""

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
  picklewatch decompile model.bin
  picklewatch decompile --member data.pkl model.pt

\b
Exit status: 0, or 2 if a crash or a limit of the scan cut the view short.
"""


@click.command(name="decompile", short_help="Show a file's pickles as Python.", epilog=EPILOG)
@view_options
def command(*, file: str, member: str | None, limit: int, as_json: bool, config_path: Path | None) -> ExitStatus:
    """Show a file's pickles as Python.

    Every pickle in FILE as the equivalent Python program, decompiled by fickling or, where fickling fails, by
    picklewatch. For reading only: nothing is executed.
    """
    from picklewatch.sandbox import ViewKind

    return show(ViewKind.DECOMPILE, file, member=member, limit=limit, as_json=as_json, config_path=config_path)
