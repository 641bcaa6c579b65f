"""A link within an archive."""

from __future__ import annotations

from samples.containers import link, tarred
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_link_is_reported() -> None:
    """It changes no verdict."""
    assert levels(tarred({"a/b": b"x"}, links=[link("a/latest", "b")])) == {"archive-link": Level.INFO}


def test_plain_members_are_no_links() -> None:
    """A tar of files."""
    assert levels(tarred({"a/b": b"x"})) == {}
