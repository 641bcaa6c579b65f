"""``picklewatch rescue``: the weights of a file without what it would run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from picklewatch.cli.common import config_option, scan_settings, state_option
from picklewatch.cli.viewing import opened
from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import printable
from picklewatch.core.units import human_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.access.open_file import Subject
    from picklewatch.rescue.rescuing import Rescued

EPILOG = """\
\b
Examples:
  picklewatch rescue model.bin model.safetensors         the tensors, by their names
  picklewatch rescue model.ckpt clean.ckpt               the checkpoint with its structure
  picklewatch rescue --only state_dict a.ckpt a.safetensors
  picklewatch rescue --item 3f2a model.safetensors       what lies in quarantine

\b
Exit status:
  0   everything was saved (of a safetensors file: all but plain values)
  1   saved, but something was left out (--left lists it)
  2   nothing was saved, or a usage error
  75  the sandbox did not start: try again
  78  bad configuration, or the required sandbox is not available
"""
_SHOWN = 12


@click.command(name="rescue", short_help="Save the weights of a file; nothing in it is executed.", epilog=EPILOG)
@click.argument("paths", metavar="[FILE] OUT", nargs=-1, required=True, type=click.Path(readable=False))
@click.option("--item", metavar="ID", help="Rescue from this quarantined item instead of FILE.")
@click.option("--only", metavar="NAME", help="Only what lies under NAME, such as state_dict, without that name.")
@click.option("--left", is_flag=True, help="List everything that is left out.")
@click.option(
    "--format", "output", type=click.Choice(["text", "json"]), default="text", help="Output format (default: text)."
)
@state_option
@config_option
def command(  # noqa: PLR0913 - one per option
    *,
    paths: tuple[str, ...],
    item: str | None,
    only: str | None,
    left: bool,
    output: str,
    state: Path | None,
    config_path: Path | None,
) -> ExitStatus:
    """Save the weights of a file; nothing in it is executed.

    OUT, which must not exist, ends in .safetensors for the tensors of FILE alone, or in .pt, .pth, .bin or .ckpt for a
    checkpoint with the same structure, in which every object that is no data becomes None. OUT appears only if a scan
    proves it harmless.
    """
    from picklewatch.rescue.rescuing import is_anew, rescue
    from picklewatch.sandbox import Rescuer

    wanted = 1 if item is not None else 2
    if len(paths) != wanted:
        raise click.UsageError("give OUT alone beside --item" if item is not None else "give FILE and OUT")
    target = Path(paths[-1])
    is_anew(target)  # a mistake in the name is told before the work
    settings = scan_settings(config_path)
    with (
        opened(paths[0]) if item is None else _held(item, state, config_path) as subject,
        Rescuer(settings.limits, require_sandbox=settings.require_sandbox) as rescuer,
    ):
        done = rescue(rescuer, subject.fd, target, only)
    if output == "json":
        click.echo(json.dumps(_json(done, target), ensure_ascii=False))
    else:
        for line in _lines(done, target, everything=left):
            click.echo(line)
    return _status(done, target)


def _held(item: str, state: Path | None, config_path: Path | None) -> Subject:
    """Open the content of a quarantined item; raises `Error`."""
    from picklewatch.access.open_file import open_subject
    from picklewatch.cli import vault_access
    from picklewatch.core.errors import QuarantineError

    shared = vault_access.shared(config_path, state)
    with shared.vault() as vault:
        found = vault_access.find(vault.items(history=True), item)
    content = vault_access.content(shared, found)
    if content is None:
        raise QuarantineError(f"{found.id} is not in quarantine any more: it is {found.state.value}")
    return open_subject(content, follow=False)


def _status(done: Rescued, target: Path) -> ExitStatus:
    from picklewatch.rescue.rescuing import is_anew

    if done.verdict is None:
        return ExitStatus.UNSCANNABLE
    left = done.plan.others + (done.plan.plain if is_anew(target) else 0)
    return ExitStatus.UNSAFE if left else ExitStatus.OK


def _lines(done: Rescued, target: Path, *, everything: bool) -> Iterator[str]:
    plan, name = done.plan, printable(str(target))
    if done.verdict is None:
        yield "Nothing was saved: there is no tensor in it that could be."
        if plan.pickle is not None:
            yield "Its tensors alone may be: choose a name that ends in .safetensors, or a part of it with --only."
    else:
        what = "storages" if plan.pickle is not None else "tensors"
        count = f"{len(plan.parts):,} {what}"
        yield f"{name}: {count}, {human_size(done.bytes)}, {done.verdict.value}"
    for old, new in plan.renamed if everything else plan.renamed[:_SHOWN]:
        yield f"  renamed: {old} is now {new}"
    if not plan.plain and not plan.others:
        return
    yield f"left out: {plan.plain:,} plain values, {plan.others:,} others" + (
        "" if everything else " (--left lists them)"
    )
    listed = plan.left if everything else [left for left in plan.left if not left.plain][:_SHOWN]
    for left in listed:
        yield f"  {left.name or '(the whole)'}: {left.why}"


def _json(done: Rescued, target: Path) -> dict[str, Any]:
    plan = done.plan
    return {
        "out": printable(str(target)) if done.verdict is not None else None,
        "verdict": None if done.verdict is None else done.verdict.value,
        "size": done.bytes,
        "tensors": [
            {"name": part.name, "dtype": part.dtype, "shape": part.shape, "bytes": part.size, "copied": part.begin >= 0}
            for part in plan.parts
        ],
        "renamed": [{"name": old, "new": new} for old, new in plan.renamed],
        "plain": plan.plain,
        "others": plan.others,
        "left": [{"name": left.name, "why": left.why, "plain": left.plain} for left in plan.left],
    }
