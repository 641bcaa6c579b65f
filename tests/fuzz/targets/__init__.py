"""Every parser that is given bytes which somebody else controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.targets import containers, messages, pickles, rescues, texts

if TYPE_CHECKING:
    from fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for targets in (pickles.TARGETS, containers.TARGETS, texts.TARGETS, messages.TARGETS, rescues.TARGETS)
    for target in targets
}
"""By name."""
