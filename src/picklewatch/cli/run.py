"""``picklewatch run``: the daemon."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import config_option, state_dir, state_option
from picklewatch.core.model import printable
from picklewatch.core.state_layout import StateLayout

if TYPE_CHECKING:
    from pathlib import Path

    from picklewatch.config.schema import Config
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.watch.roots import Root

EPILOG = """\
\b
Examples:
  picklewatch run                            this user's model caches, report only
  picklewatch run ~/Downloads /srv/models    these directories instead
  picklewatch run -c my.toml                 another configuration

\b
Signals:
  SIGTERM, Ctrl-C   finish the current files and stop; the rest stays queued. Again: stop at once.
  SIGHUP            reload the configuration; an invalid one changes nothing.
                    When its terminal is closed: end (nohup: go on).

\b
Exit status:
  0   stopped by a signal
  70  an internal error: restart it
  75  the state's disk or the sandbox can't be used now, or picklewatch was upgraded: restart it
  78  bad configuration, or the state directory belongs to another daemon
"""


@click.command(name="run", epilog=EPILOG)
@click.argument("paths", metavar="[PATH]…", nargs=-1, type=click.Path(readable=False))
@config_option
@state_option
def command(*, paths: tuple[str, ...], config_path: Path | None, state: Path | None) -> int:
    """Watch model caches, scan new files, log every verdict.

    Without PATH, this user's model caches (all users', if run by root) and the directories in the configuration
    are watched, including those that appear later. Existing files are scanned first; unchanged ones that were
    scanned before are skipped.
    """
    from picklewatch.config import schema as configuration
    from picklewatch.ipc.places import place_of_daemon
    from picklewatch.quarantine.vault import Vault
    from picklewatch.sandbox.engine_version import engine_version
    from picklewatch.service.daemon import open_daemon
    from picklewatch.service.dependencies import Dependencies
    from picklewatch.telemetry import log
    from picklewatch.telemetry.log.json_lines import LineWriter
    from picklewatch.telemetry.sd_notify import Notifier

    _take_name()
    config = configuration.load(config_path).config
    log.configure(config.log.format, config.log.level)
    directory = state_dir(state)

    def introduce(roots: tuple[Root, ...]) -> None:
        with contextlib.suppress(OSError):  # nobody need read it
            LineWriter(sys.stdout).write("\n".join(introduction(config, roots, directory, config_path)))

    dependencies = Dependencies(
        load=lambda: configuration.load(config_path).config,
        scanner=_scanner,
        vault=lambda directory: Vault(os.fspath(directory)),  # an upgrade may have removed what is imported late
        engine=engine_version(),
        configure_log=_configure_log,
        socket=place_of_daemon(directory, is_default=state is None and "STATE_DIRECTORY" not in os.environ),
        introduce=introduce,
    )
    with open_daemon(directory, paths, config, dependencies, Notifier.from_environment()) as daemon:
        return daemon.run()


def introduction(config: Config, roots: tuple[Root, ...], state: Path, config_path: Path | None = None) -> list[str]:
    """Return what the user reads first: what is watched, what happens then, how to change that (*config_path*)."""
    there = [root for root in roots if root.path is not None]
    refused = [root for root in roots if root.path is None and root.reason]
    missing = [root for root in roots if root.path is None and not root.reason]
    lines = ["picklewatch watches:"]
    lines += [f"  {printable(root.wanted)}  ({root.label})" for root in there]
    if not there:
        lines.append("  nothing yet: none of the directories exists")
    lines += [f"  not {printable(root.wanted)}: {printable(root.reason)}" for root in refused]
    if missing:
        lines.append(f"and waits for {len(missing)} more to appear:")
        lines += [f"  {printable(root.wanted)}  ({root.label})" for root in missing[:_SHOWN]]
        if len(missing) > _SHOWN:
            lines.append(f"  … and {len(missing) - _SHOWN} more (`picklewatch status --json` lists them)")
    level, file = config.quarantine.level, printable(str(config_path or _file()))
    if level == "off":
        lines.append("It only reports: no file is moved.")
        lines.append(
            f'To move unsafe files into quarantine: [quarantine] level = "unsafe" in {file}, and start it again.'
        )
    else:
        vault = config.quarantine.store or StateLayout(state).vault
        lines.append(f"Files judged {level} or worse are moved into {vault}.")
        lines.append(f'To only report: [quarantine] level = "off" in {file}, and start it again.')
    lines.append("`picklewatch status` shows how it is doing; Ctrl-C stops it.")
    return lines


_SHOWN = 3


def _take_name() -> None:
    """Be ``picklewatch`` in lists of processes, where ``python -I`` would be ``python``."""
    from pathlib import Path

    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text("picklewatch")


def _file() -> Path:
    from picklewatch.config.sources import SYSTEM_FILE, is_system_service, user_file

    return SYSTEM_FILE if is_system_service() else user_file()


def _scanner(config: Config) -> ClosableScans:
    from picklewatch.sandbox import Scanner
    from picklewatch.sandbox.engine_version import engine_version

    engine = engine_version().key
    return Scanner(config.limits(), require_sandbox=config.scan.require_sandbox, engine=engine)


def _configure_log(config: Config) -> None:
    from picklewatch.telemetry import log

    log.configure(config.log.format, config.log.level)
