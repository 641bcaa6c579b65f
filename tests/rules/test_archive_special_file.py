"""A device or pipe in an archive."""

from __future__ import annotations

import tarfile

import pytest
from samples.containers import link, tarred
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_is_unsafe(kind: bytes) -> None:
    """Unpacking it as root makes one."""
    assert levels(tarred({"a": b"x"}, links=[link("d", "", kind)]))["archive-special-file"] is Level.UNSAFE


def test_a_directory_in_an_archive_is_not_reported() -> None:
    """Archives list theirs."""
    assert levels(tarred({"d/a": b"x"}, links=[link("d", "", tarfile.DIRTYPE)])) == {}
