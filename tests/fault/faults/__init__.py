"""The faults: each starts the daemon of a `Lab`, breaks something, and mends what its user would mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fault.faults import (
    beside,
    crashes,
    day,
    disks,
    early_moves,
    large_files,
    limits,
    linked_caches,
    linking,
    load,
    logs,
    network,
    people,
    quarantine_attacks,
    quarantining,
    queueing,
    sandboxing,
    service,
    shipped_unit,
    sparse_files,
    storage,
    upgrades,
    watching,
    wording,
)

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab

FAULTS: tuple[Fault, ...] = (
    *crashes.FAULTS,
    *watching.FAULTS,
    *network.FAULTS,
    *storage.FAULTS,
    *disks.FAULTS,
    *sandboxing.FAULTS,
    *load.FAULTS,
    *sparse_files.FAULTS,
    *large_files.FAULTS,
    *beside.FAULTS,
    *queueing.FAULTS,
    *quarantining.FAULTS,
    *early_moves.FAULTS,
    *quarantine_attacks.FAULTS,
    *linking.FAULTS,
    *linked_caches.FAULTS,
    *people.FAULTS,
    *logs.FAULTS,
    *limits.FAULTS,
    *service.FAULTS,
    *shipped_unit.FAULTS,
    *upgrades.FAULTS,
    *wording.FAULTS,
    *day.FAULTS,
)
"""All of them, in the order of the table."""

THROUGH: dict[Fault, tuple[str, ...]] = {**watching.THROUGH}
"""The command that runs the daemon, where that is part of the fault."""

LABS: dict[Fault, type[Lab]] = {
    **day.LABS,
    **linking.LABS,
    **people.LABS,
    **service.LABS,
    **shipped_unit.LABS,
    **upgrades.LABS,
}
"""The laboratory, where it is not a plain one."""
