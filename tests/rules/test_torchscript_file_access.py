"""TorchScript that touches files."""

from __future__ import annotations

from samples.containers import script
from samples.judging import levels

from picklewatch.core.model import Level


def test_an_operator_that_writes_a_file_is_unsafe() -> None:
    """``torch.save`` overwrites whatever file the code names."""
    assert levels(script('torch.save(x, "/home/user/.bashrc")\n'))["torchscript-file-access"] is Level.UNSAFE


def test_a_method_of_that_name_is_not_reported() -> None:
    """Models may call theirs what they like."""
    assert "torchscript-file-access" not in levels(script("x = (self).save(y)\n"))


def test_code_is_read_to_its_end() -> None:
    """However long a comment stands before it; it was looked at for 32 MiB."""
    found = levels(script("#" * (33 << 20) + '\ntorch.save(x, "/home/user/.bashrc")\n'))
    assert found["torchscript-file-access"] is Level.UNSAFE
