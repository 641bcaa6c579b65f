"""A symbolic link that leads nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samples.hostile import BENIGN
from samples.refusals import problem

if TYPE_CHECKING:
    from pathlib import Path


def test_links_that_lead_nowhere_are_reported(tmp_path: Path) -> None:
    """To nothing, or in a circle."""
    for name, target in (("dangling", "gone"), ("circle", "circle")):
        (tmp_path / name).symlink_to(target)
        assert problem(tmp_path / name) == "broken-link"


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    """As Hugging Face's snapshots lead to blobs."""
    (tmp_path / "blob").write_bytes(BENIGN)
    (tmp_path / "link").symlink_to("blob")
    assert problem(tmp_path / "link") is None
