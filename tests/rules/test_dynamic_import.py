"""An import whose name is computed while loading."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import STACK_GLOBAL, call, pickle, stack_global, text

from picklewatch.core.model import Level


def test_a_computed_name_is_malicious() -> None:
    """STACK_GLOBAL of what a call returned."""
    name = call("builtins", "str", text("system"))
    assert levels(pickle(4, text("os"), name, STACK_GLOBAL))["dynamic-import"] is Level.MALICIOUS


def test_a_constant_name_is_not_reported() -> None:
    """STACK_GLOBAL of texts, as every pickler writes it."""
    assert levels(pickle(4, stack_global("collections", "OrderedDict"))) == {}
