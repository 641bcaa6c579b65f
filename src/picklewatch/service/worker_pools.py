"""Holds the pool of workers in force, and those that reloads replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.access.opening import Opener
from picklewatch.service.scan_context import ScanContext, Stages
from picklewatch.service.scan_workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.access.ownership import Tree
    from picklewatch.config.schema import Config
    from picklewatch.core.model import Policy
    from picklewatch.service.dependencies import Dependencies


class WorkerPools:
    """Has one pool at work; after a reload, the former one ends its scans under its own configuration."""

    def __init__(
        self,
        stages: Stages,
        dependencies: Dependencies,
        policy: Callable[[], Policy],
        trees: Callable[[], tuple[Tree, ...]],
        config: Config,
    ) -> None:
        self._stages, self._dependencies, self._policy, self._opener = stages, dependencies, policy, Opener(trees)
        self._former: list[Workers] = []
        self.current = self._make(config)

    def replace(self, config: Config) -> None:
        """Start a pool for *config* in the place of the present one."""
        former, self.current = self.current, self._make(config)
        former.ask_to_stop()
        self._former = [pool for pool in (*self._former, former) if not pool.join(0.0)]
        self.current.start()

    def end(self) -> None:
        """End every running scan now; its file stays queued."""
        pools = (*self._former, self.current)
        for pool in pools:
            pool.cancel()
        for pool in pools:
            pool.join(5.0)

    def _make(self, config: Config) -> Workers:
        context = ScanContext(
            make_scanner=lambda: self._dependencies.scanner(config),
            policy=self._policy,
            engine=self._dependencies.engine,
            opens=self._opener,
            holds=self._opener.hold,
            seconds=config.limits().seconds,
            batch=config.scan.batch,
        )
        return Workers(self._stages, context, config.scan.worker_count)
