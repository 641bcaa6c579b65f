"""Lists what is injected into the daemon; tests put fakes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from picklewatch.config.schema import Config
    from picklewatch.core.model import EngineVersion
    from picklewatch.ipc.places import SocketPlace
    from picklewatch.scanning.scan_many import ClosableScans
    from picklewatch.service.quarantine_policy import SupportsQuarantine
    from picklewatch.watch.roots import Root


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Everything that is injected into the daemon."""

    load: Callable[[], Config]
    """Reads the configuration; raises `ConfigError`."""
    scanner: Callable[[Config], ClosableScans]
    vault: Callable[[Path], SupportsQuarantine]
    engine: EngineVersion
    configure_log: Callable[[Config], None]
    socket: SocketPlace | None = None
    """Where the daemon is asked; None for its state directory."""
    introduce: Callable[[tuple[Root, ...]], None]
    """Called once the state is the daemon's own, with what it is about to watch."""
