"""``picklewatch disassemble``: list the opcodes of every pickle in a file."""

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
  picklewatch disassemble model.bin
  picklewatch disassemble --member data.pkl model.pt
  picklewatch disassemble --json model.bin | jq 'select(.acts | index("call"))'

\b
Exit status: 0, or 2 if a crash or a limit of the scan cut the view short.
"""


@click.command(name="disassemble", short_help="List the opcodes of every pickle in a file.", epilog=EPILOG)
@view_options
def command(*, file: str, member: str | None, limit: int, as_json: bool, config_path: Path | None) -> ExitStatus:
    """List the opcodes of every pickle in a file.

    Every opcode of every pickle in FILE with its offset and argument, and the imports and calls that
    it makes. Pickles are found by content, including those in archives, compressed data and other pickles.
    """
    from picklewatch.sandbox import ViewKind

    return show(ViewKind.DISASSEMBLE, file, member=member, limit=limit, as_json=as_json, config_path=config_path)
