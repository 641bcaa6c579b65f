"""An import of what runs programs or code."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, pickle, text

from picklewatch.core.model import Level


def test_a_shell_command_is_malicious() -> None:
    """``os.system``, called while loading."""
    assert levels(pickle(2, call("os", "system", text("true"))))["code-execution"] is Level.MALICIOUS


def test_a_container_made_by_a_call_is_not_reported() -> None:
    """An OrderedDict is made by REDUCE too."""
    assert levels(pickle(2, call("collections", "OrderedDict"))) == {}
