"""The protections of this machine from a scanned file, as tried. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Protections:
    """The state of each protection of the scanning child, as tried in a rehearsal when the sandbox started."""

    no_new_privs: bool
    """No program that it could start would gain privileges."""
    not_dumpable: bool
    """No other process of the user can attach to it, and it leaves no core file."""
    capabilities_dropped: bool
    """The child has none of the daemon's rights as root or by a capability."""
    landlock_abi: int
    """The kernel's Landlock version that denies files, TCP and signals; 0 where there is none."""
    seccomp: bool
    """Only a short list of system calls is possible; any other kills the child."""
    rlimits: bool
    """Memory, processor time, files, processes are bounded."""
    missing: tuple[str, ...] = ()
    """One plain sentence for each protection that is missing, with the reason."""

    @property
    def complete(self) -> bool:
        """True if nothing is missing."""
        return not self.missing

    @property
    def contained(self) -> bool:
        """True if the kernel keeps the child from files, network and processes, as ``require_sandbox`` demands."""
        return self.no_new_privs and self.landlock_abi > 0 and self.seccomp and self.rlimits

    def to_json(self) -> dict[str, Any]:
        """Return the state as a JSON object, for ``doctor`` and the log."""
        return {**asdict(self), "missing": list(self.missing)}


NOTHING = Protections(
    no_new_privs=False,
    not_dumpable=False,
    capabilities_dropped=False,
    landlock_abi=0,
    seccomp=False,
    rlimits=False,
    missing=("the sandbox has not started",),
)
"""The state before the sandbox has started."""
