"""A link that leads out of its archive."""

from __future__ import annotations

import io
import tarfile

import pytest
from samples.containers import link, tarred
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize("target", ["../../x", "a/../../x"])
def test_a_link_that_climbs_out_is_unsafe(target: str) -> None:
    """A later member can be written through it."""
    assert levels(tarred({"a": b"x"}, links=[link("l", target)]))["archive-unsafe-link"] is Level.UNSAFE


def _tar(*members: tarfile.TarInfo | str) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for member in members:
            archive.addfile(tarfile.TarInfo(member) if isinstance(member, str) else member)
    return held.getvalue()


def test_an_absolute_link_by_itself_is_not_reported() -> None:
    """Every root file system and container layer has some."""
    rootfs = _tar(link("etc/alternatives/awk", "/usr/bin/mawk"), link("var/run", "/run"), "usr/bin/mawk", "var/lib/x")
    assert levels(rootfs) == {"archive-link": Level.INFO}


@pytest.mark.parametrize(
    "members",
    [
        (link("l", "/etc"), "l/cron.d/x"),
        (link("l", "/etc"), "./L//cron.d/x"),
        (link("l", "/etc/passwd"), "l"),
        (link("l", "/etc"), link("m", "l/cron.d"), "m/x"),
        (link("l", "/etc/passwd"), link("m", "l", tarfile.LNKTYPE), "m"),
        (link("m", "/etc/passwd", tarfile.LNKTYPE),),
    ],
)
def test_what_is_written_through_an_absolute_link_is_unsafe(members: tuple[tarfile.TarInfo | str, ...]) -> None:
    """Directly, by another spelling of its name, or over a second link."""
    assert levels(_tar(*members))["archive-unsafe-link"] is Level.UNSAFE


def test_a_link_within_is_not_reported() -> None:
    """As checkpoints have them."""
    assert levels(tarred({"a/b": b"x"}, links=[link("a/latest", "b")])) == {"archive-link": Level.INFO}
