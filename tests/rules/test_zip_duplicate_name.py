"""Two zip members of one name."""

from __future__ import annotations

from samples.containers import Entry, zip_of, zipped
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_names_that_differ_in_capitals_alone_are_unverified() -> None:
    """Torch compares without case: one reader takes the first, another the last."""
    found = levels(zip_of([Entry("a/data.pkl", BENIGN), Entry("a/DATA.PKL", BENIGN)]))
    assert found == {"zip-duplicate-name": Level.UNVERIFIED}


def test_the_same_name_in_two_directories_is_not_reported() -> None:
    """Their whole names differ."""
    assert levels(zipped({"a/data.pkl": BENIGN, "b/data.pkl": BENIGN})) == {}
