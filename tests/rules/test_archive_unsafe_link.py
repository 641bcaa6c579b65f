"""A link that leads out of its archive."""

from __future__ import annotations

import pytest
from samples.containers import link, tarred
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x"])
def test_a_link_to_elsewhere_is_unsafe(target: str) -> None:
    """A later member can be written through it."""
    assert levels(tarred({"a": b"x"}, links=[link("l", target)]))["archive-unsafe-link"] is Level.UNSAFE


def test_a_link_within_is_not_reported() -> None:
    """As checkpoints have them."""
    assert levels(tarred({"a/b": b"x"}, links=[link("a/latest", "b")])) == {"archive-link": Level.INFO}
