"""An archive that brings Python code for its loader to import."""

from __future__ import annotations

import pytest
from samples.containers import zipped
from samples.judging import levels
from samples.torch_checkpoint import checkpoint

from picklewatch.core.model import Level


@pytest.mark.parametrize("mark", ["p/.data/extern_modules", "MAR-INF/MANIFEST.json"])
def test_a_package_with_code_is_unsafe(mark: str) -> None:
    """torch.package's and TorchServe's loaders import it."""
    assert levels(zipped({mark: b"{}", "p/handler.py": b"x = 1\n"}))["code-bearing-archive"] is Level.UNSAFE


def test_a_model_archive_of_weights_is_not_reported() -> None:
    """Nothing in it is imported."""
    assert levels(zipped({"MAR-INF/MANIFEST.json": b"{}", "weights.pt": checkpoint({"w": [1.0]})})) == {}
