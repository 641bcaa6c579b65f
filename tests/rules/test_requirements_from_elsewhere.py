"""Requirements that TorchServe would install from elsewhere."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level


def _archive(requirement: bytes) -> bytes:
    return zipped({"MAR-INF/MANIFEST.json": b"{}", "requirements.txt": requirement + b"\n"})


def test_another_index_is_unsafe() -> None:
    """Its packages run code when they are installed."""
    found = levels(_archive(b"--index-url http://packages.example/"))
    assert found["requirements-from-elsewhere"] is Level.UNSAFE


def test_a_pinned_package_is_not_reported() -> None:
    """From the usual index."""
    assert levels(_archive(b"numpy==2.0")) == {}
