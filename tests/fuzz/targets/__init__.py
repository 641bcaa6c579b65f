"""Every parser that is given bytes which somebody else controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fuzz.targets import containers, messages, pickles, texts

if TYPE_CHECKING:
    from fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target for target in (*pickles.TARGETS, *containers.TARGETS, *texts.TARGETS, *messages.TARGETS)
}
"""By name."""
