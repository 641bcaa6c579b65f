"""``picklewatch config``: check, show and describe the configuration."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import config_option, json_option
from picklewatch.config.risky_allowances import malicious_imports
from picklewatch.config.sources import SYSTEM_FILE, is_system_service, user_file
from picklewatch.core.errors import ConfigError, ExitStatus
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from picklewatch.config.schema import LoadedConfig

EPILOG = """\
\b
Sources; later ones override earlier ones, key by key:
  the defaults
  /etc/picklewatch/config.toml
  ~/.config/picklewatch/config.toml    not for root and system services
  PICKLEWATCH_<SECTION>_<KEY>          environment, such as PICKLEWATCH_SCAN_WORKERS=2
With -c FILE (or PICKLEWATCH_CONFIG), that file is read instead of the two.

\b
Examples:
  picklewatch config check             list every mistake
  picklewatch config show              the effective configuration, and where each key was set
  picklewatch config example           every key explained, as the start of a file
  picklewatch config schema > s.json   completion in editors that know JSON Schema

\b
Exit status:
  0   the configuration is valid
  78  the configuration has mistakes
"""


@click.group(name="config", epilog=EPILOG)
def command() -> None:
    """Check, show and describe the configuration.

    No configuration is needed: the defaults watch this user's model caches and
    only report. `picklewatch config example` explains every key.
    """


@command.command()
@config_option
@json_option
def check(*, config_path: Path | None, as_json: bool) -> ExitStatus:
    """Check the configuration and list every mistake."""
    from picklewatch.config import schema

    try:
        loaded = schema.load(config_path)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(
            json.dumps({"valid": False, "problems": [printable(problem) for problem in error.problems]}, indent=2)
        )
        return error.status
    read = [source.name for source in loaded.sources]
    if as_json:
        found = {"valid": True, "sources": [printable(name) for name in read], "remarks": remarks(loaded)}
        click.echo(json.dumps(found, indent=2))
        return ExitStatus.OK
    click.echo(f"The configuration is valid: {printable(', '.join(read)) or 'no file, so the defaults apply'}.")
    if not read:
        files = [SYSTEM_FILE] if is_system_service() else [SYSTEM_FILE, user_file()]
        click.echo(f"It would be read from {printable(' and '.join(map(str, files)))}.")
    for line in remarks(loaded):
        click.echo(f"note: {printable(line)}")
    return ExitStatus.OK


@command.command()
@config_option
@json_option
def show(*, config_path: Path | None, as_json: bool) -> None:
    """Show the effective configuration, and where each key was set."""
    from picklewatch.config import effective, schema

    loaded = schema.load(config_path)
    click.echo(effective.show_json(loaded) if as_json else effective.show_toml(loaded))


@command.command()
def example() -> None:
    """Write a file that explains every key, with its default."""
    click.echo(
        resources.files("picklewatch.config").joinpath("config.example.toml").read_text(encoding="utf-8"), nl=False
    )


@command.command()
def schema() -> None:
    """Write the JSON Schema of the file, for editors."""
    from picklewatch.config import effective

    click.echo(effective.schema())


def remarks(loaded: LoadedConfig) -> list[str]:
    """Return notes on settings that are valid but deserve a second look."""
    configuration = loaded.config
    harm = malicious_imports(configuration.allow.imports)
    lines = [
        f"{root} does not exist yet; the daemon waits for it" for root in configuration.watch.roots if not root.exists()
    ]
    if not configuration.watch.caches and not configuration.watch.roots:
        lines.append("nothing is watched: watch.caches is false and watch.roots is empty")
    if configuration.quarantine.level in ("unverified", "unscannable"):
        lines.append(f'quarantine.level = "{configuration.quarantine.level}" moves honest files, too')
    lines += [_allowed(name, reason, harm) for name, reason in configuration.allow.imports.items()]
    lines += [f"{digest} is allowed: {reason}" for digest, reason in configuration.allow.digests.items()]
    return lines


def _allowed(name: str, reason: str, harm: Mapping[str, str]) -> str:
    if name not in harm:
        return f"{name} is allowed: {reason}"
    return f"DANGER: {name} can {harm[name]}, and is allowed: files with it pass: {reason}"
