"""A member that leads out of its archive."""

from __future__ import annotations

import pytest
from samples.containers import seven_zip, tarred, zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


@pytest.mark.parametrize("name", ["../../.bashrc", "/etc/cron.d/x"])
def test_names_that_climb_out_are_unsafe(name: str) -> None:
    """In zip, tar and 7z."""
    for archive in (zipped, tarred, seven_zip):
        absolute_in_7z = archive is seven_zip and name.startswith("/")
        level = Level.UNVERIFIED if absolute_in_7z else Level.UNSAFE  # readers of 7z drop the slash
        assert levels(archive({name: BENIGN}))["archive-unsafe-name"] is level


def test_dots_within_a_name_are_not_reported() -> None:
    """Versions have them."""
    for archive in (zipped, tarred, seven_zip):
        assert levels(archive({"./model..v2/weights": BENIGN})) == {}
