"""What fuzzing found once is not found again; every fuzz target holds for all of its seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fuzz.found import load, saved, smallest
from fuzz.targets import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

FOUND = list(saved())


@pytest.mark.parametrize(("target", "file"), FOUND, ids=[f"{target}/{file.stem}" for target, file in FOUND])
def test_what_was_found_once_holds_now(target: str, file: Path) -> None:
    """The smallest input of each finding (``tests/fuzz/found``)."""
    TARGETS[target].run(load(file))


@pytest.mark.parametrize("target", TARGETS)
def test_the_laws_hold_for_every_seed(target: str) -> None:
    """What fuzzing starts from is sound, and each law can be kept."""
    seeds = list(TARGETS[target].seeds())
    assert seeds
    for seed in seeds:
        TARGETS[target].run(seed)


def test_a_finding_is_made_small() -> None:
    """Whatever a finding does not need is left out."""
    assert smallest(b"abc" * 50 + b"needle" + b"xyz" * 50, lambda data: b"needle" in data) == b"needle"
