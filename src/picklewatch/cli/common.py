"""Options and settings that several commands share."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from picklewatch.config import sources
from picklewatch.core.errors import StateError
from picklewatch.core.model import BATCH, DEFAULT_LIMITS, Limits, Policy
from picklewatch.core.state_layout import StateLayout

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.sandbox import Scanner
    from picklewatch.sandbox.direct import DirectProcess

F = TypeVar("F", bound="Callable[..., Any]")

SYSTEM_STATE = Path("/var/lib/picklewatch")
"""The state directory of the system service, and the default for root."""


def config_option(function: F) -> F:
    """Add ``-c/--config FILE``, passed as ``config_path: Path | None``."""
    return click.option(
        "-c",
        "--config",
        "config_path",
        metavar="FILE",
        envvar="PICKLEWATCH_CONFIG",
        type=click.Path(path_type=Path, readable=False),
        help="Read only this configuration file (see `picklewatch config --help`).",
    )(function)


def json_option(function: F) -> F:
    """Add ``--json``, passed as ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON, for programs.")(function)


def state_option(function: F) -> F:
    """Add ``--state-dir DIR``, passed as ``state: Path | None``; give it to `state_dir`."""
    return click.option(
        "--state-dir",
        "state",
        metavar="DIR",
        type=click.Path(path_type=Path, readable=False),
        help="The daemon's state directory (default: this user's; for root /var/lib/picklewatch).",
    )(function)


def state_dir(given: Path | None = None) -> Path:
    """Find the state directory, which need not exist yet.

    *given* if there is one; ``$STATE_DIRECTORY`` under systemd; ``$XDG_STATE_HOME/picklewatch``;
    ``/var/lib/picklewatch`` for root; ``~/.local/state/picklewatch``.
    """
    if given is not None:
        try:
            return given.expanduser().absolute()
        except (OSError, RuntimeError) as error:  # the working directory is gone, or nobody has that name
            raise StateError(f"{given} leads nowhere: {error}", "Give an absolute path.") from None
    if systemd := os.environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":", 1)[0])
    base = os.environ.get("XDG_STATE_HOME", "")
    if base.startswith("/"):  # the specification says that relative paths are ignored
        return Path(base) / "picklewatch"
    if os.geteuid() == 0:
        return SYSTEM_STATE
    return sources.home() / ".local/state/picklewatch"


def notifier_dir(given: Path | None = None) -> Path:
    """Find the state directory of a notifier: the daemon's own is the daemon's, unless somebody names it."""
    directory = state_dir(given)
    if given is not None or "STATE_DIRECTORY" in os.environ:
        return directory
    return directory.with_name(f"{directory.name}-notify")


def concerns_system(state: Path | None) -> bool:
    """Return True if the system's daemon is to be asked, too: nobody named a state directory, and it is not ours."""
    return state is None and "STATE_DIRECTORY" not in os.environ and os.geteuid() != 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """The part of the configuration that scanning needs."""

    limits: Limits = DEFAULT_LIMITS
    policy: Policy = field(default_factory=Policy)
    require_sandbox: bool = False
    workers: int = 1
    batch: int = BATCH
    """Small files judged by one process, at most; 1 for one process per file."""

    def scanner(self, direct: DirectProcess | None = None) -> Scanner:
        """Start a scanner; *direct* is for its first file."""
        from picklewatch.sandbox import Scanner

        return Scanner(self.limits, require_sandbox=self.require_sandbox, direct=direct)


def scan_settings(config_path: Path | None, state: Path | None = None) -> ScanSettings:
    """Load the configuration for scanning; fast if there is none.

    Digests that `picklewatch quarantine restore` allowed count here as they do for the daemon, whose *state* it is.
    """
    digests = restored_digests(state_dir(state))
    if config_path is None and not sources.anything_configured():
        return ScanSettings(workers=sources.automatic_workers(), policy=Policy(allowed_digests=digests))
    from picklewatch.config import schema

    loaded = schema.load(config_path).config
    policy = loaded.policy()
    return ScanSettings(
        limits=loaded.limits(),
        policy=replace(policy, allowed_digests={**digests, **policy.allowed_digests}),
        require_sandbox=loaded.scan.require_sandbox,
        workers=loaded.scan.worker_count,
        batch=loaded.scan.batch,
    )


def restored_digests(state: Path) -> dict[str, str]:
    """Read the digests that were allowed in the store of *state*; none if it can't be read, such as another user's."""
    if not os.access(StateLayout(state).database, os.R_OK):
        return {}
    import sqlite3

    from picklewatch.store import CorruptError, Store

    try:
        with closing(Store(state, read_only=True)) as store:
            return store.allowed.all()
    except (OSError, sqlite3.Error, CorruptError):
        return {}
    except StateError as error:  # of another version: no reason not to scan
        click.echo(f"picklewatch: the allowed contents are not known: {error.message}\nhint: {error.hint}", err=True)
        return {}
