"""Python among TorchScript."""

from __future__ import annotations

from samples.containers import script
from samples.judging import levels

from picklewatch.core.model import Level


def test_an_import_is_unsafe() -> None:
    """Torch refuses it; another reader may import it."""
    assert levels(script("import os\nos.system('true')\n"))["torchscript-foreign-code"] is Level.UNSAFE


def test_a_method_called_eval_is_not_reported() -> None:
    """TorchScript's own words."""
    assert levels(script("x = (self).eval()\n")) == {"torchscript-code": Level.UNVERIFIED}
