"""Directories below which the system has no names for what is there."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from picklewatch.telemetry.health import Health
from picklewatch.watch.hidden_directories import LOOK_SECONDS, HiddenDirectories

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST = 4095
"""Bytes of a path, limits.h's PATH_MAX without its NUL."""


def never(_path: str) -> bool:
    """Leave nothing out."""
    return False


@pytest.mark.parametrize("length", [_LONGEST, _LONGEST - 1, _LONGEST - 2, _LONGEST - 100])
def test_a_directory_at_the_end_of_names_is_over_when_nothing_is_below_it(tmp_path: Path, length: int) -> None:
    """However long its own name is: one byte more may have no name, and must not be asked for."""
    left = length - len(os.fsencode(tmp_path))
    names = ["d" * 200] * (left // 201 - 1)
    rest = left - 201 * len(names)
    names += ["e" * (rest // 2 - 1), "f" * (rest - rest // 2 - 1)]
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for name in [*names, "g" * 200]:
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    subject = os.path.join(tmp_path, *names)  # noqa: PTH118 - as the walk spells it
    assert len(subject) == length
    hidden = HiddenDirectories(Health(), is_excluded=never, is_elsewhere=never)
    assert hidden.note(os.path.join(subject, "g" * 200), errno.ENAMETOOLONG) == subject  # noqa: PTH118
    assert hidden.seen_again(LOOK_SECONDS) == []
    os.rmdir("../" + "g" * 200, dir_fd=descriptor)
    os.close(descriptor)
    assert hidden.seen_again(2 * LOOK_SECONDS) == [subject]
