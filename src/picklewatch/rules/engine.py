"""The rules of picklewatch.engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from picklewatch.rules.base import Rule

RULES: tuple[Rule, ...] = ()
