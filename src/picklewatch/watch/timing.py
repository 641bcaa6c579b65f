"""How often the watching threads do what they do periodically."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Intervals of the periodic tasks, in seconds."""

    poll: float = 5.0
    """Between two walks of what is not announced; longer if a walk takes long."""
    poll_share: float = 20.0
    """A walk that takes *n* seconds is repeated after *n* times this at the earliest."""
    proof: float = 30.0
    """Between two rounds of looks for what nobody announced, at least."""
    proof_age: float = 10.0
    """How long ago a directory changed if its events must have arrived."""
    retry: float = 30.0
    """Between two attempts to watch what can't be watched."""
    rescan: float = 86400.0
    """Between two walks of everything; 0 for never."""
