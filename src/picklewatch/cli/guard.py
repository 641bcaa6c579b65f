"""``picklewatch guard``: hold the opening of model files until they are judged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from picklewatch.cli.common import config_option, restored_digests, state_dir, state_option
from picklewatch.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.config.schema import Config
    from picklewatch.guard.judging import JudgeSettings
    from picklewatch.sandbox import Scanner

EPILOG = """\
\b
Examples:
  sudo picklewatch guard run /srv/models     guard one directory, in the foreground
  sudo picklewatch guard run                 guard what the daemon watches, if guard.mode is "on"
"""

RUN_EPILOG = """\
\b
Signals:
  SIGTERM, Ctrl-C   end; whoever waits for a verdict passes

\b
Exit status:
  0   stopped by a signal
  78  bad configuration, guard.mode is "off", or opens can't be held on this machine
"""


@click.group(name="guard", epilog=EPILOG)
def command() -> None:
    """Hold the opening of model files until they are judged.

    Needs root (CAP_SYS_ADMIN) and Linux 6.0. It is off unless the configuration enables it ([guard] mode) or it is
    given directories.
    """


@command.command(epilog=RUN_EPILOG)
@click.argument("trees", metavar="[DIRECTORY]…", nargs=-1, type=click.Path(readable=False))
@config_option
@state_option
def run(*, trees: tuple[str, ...], config_path: Path | None, state: Path | None) -> int:
    """Guard directories, with everything below them.

    Whoever opens or reads a file there waits until it is judged, and is refused (EPERM, "Operation not permitted") if
    it is unsafe. Without DIRECTORY, everything that the daemon watches is guarded.
    """
    from picklewatch.config import schema as configuration
    from picklewatch.guard.states import Answer
    from picklewatch.guard.warden import GuardSettings, Warden
    from picklewatch.telemetry.log import configure  # here, not in the judge: that has no right to read it
    from picklewatch.telemetry.sd_notify import Notifier

    config = configuration.load(config_path).config
    directory = state_dir(state)
    if not trees and config.guard.mode == "off":
        raise ConfigError('guard.mode is "off", and no directory was given', hint=_OFF)
    wanted = tuple(map(os.path.abspath, trees)) or _watched(config, directory)
    settings = GuardSettings(
        trees=wanted,
        mounted=_mounted_in(wanted),
        max_wait=config.guard.max_wait,
        late=Answer.DENY if config.guard.late == "deny" else Answer.ALLOW,
        stall=config.guard.stall,
        judge=_judge_settings(config, directory),
        configure_log=lambda: configure(config.log.format, config.log.level),
    )
    return Warden(settings, Notifier.from_environment()).run()


def _watched(config: Config, state: Path) -> tuple[str, ...]:
    """Return the directories that the daemon would watch, those included that are not there yet."""
    from picklewatch.service.watch_plan import find_all

    found = find_all(config, state, _LOOK_SECONDS).roots
    return tuple(dict.fromkeys(root.path or root.wanted for root in found if root.path or not root.reason))


def _mounted_in(trees: tuple[str, ...]) -> tuple[str, ...]:
    """Return where other file systems of this machine are mounted in *trees*."""
    from picklewatch.access.paths import beneath
    from picklewatch.watch.mounts import KERNELS, read_mounts

    tops = [os.path.realpath(tree) for tree in trees]
    points = [mount.point for mount in read_mounts() if not mount.is_network and mount.kind not in KERNELS]
    return tuple(dict.fromkeys(point for point in points if any(beneath(point, top) for top in tops)))


_LOOK_SECONDS = 10.0
_OFF = 'Set `mode = "on"` in [guard] to guard what the daemon watches, or name directories.'


def _judge_settings(config: Config, state: Path) -> JudgeSettings:
    from dataclasses import replace

    from picklewatch.core.model import Verdict
    from picklewatch.guard.judging import JudgeSettings

    policy = config.policy()
    digests = {**restored_digests(state), **policy.allowed_digests}
    return JudgeSettings(
        make_scanner=_scanner_maker(config),
        policy=replace(policy, allowed_digests=digests),
        configured=policy,
        deny=Verdict(config.guard.deny),
        workers=config.scan.worker_count,
        socket=config.guard.socket,
    )


def _scanner_maker(config: Config) -> Callable[[], Scanner]:
    from picklewatch.sandbox import Scanner
    from picklewatch.sandbox.engine_version import engine_version

    engine = engine_version().key
    return lambda: Scanner(config.limits(), require_sandbox=config.scan.require_sandbox, engine=engine)
