"""The kinds of faults."""

from __future__ import annotations

from collections.abc import Callable

from fault.lab import Lab

Fault = Callable[[Lab], None]
"""Starts the daemon of a `Lab`, breaks something, and mends what its user would mend."""
