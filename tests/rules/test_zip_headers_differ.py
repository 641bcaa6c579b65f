"""A zip member with two descriptions."""

from __future__ import annotations

from samples.containers import Entry, zip_of
from samples.hostile import BENIGN
from samples.judging import levels
from samples.torch_checkpoint import checkpoint

from picklewatch.core.model import Level


def test_two_names_over_a_pickle_are_malicious() -> None:
    """One reader sees notes, another a pickle, however harmless."""
    sample = zip_of([Entry("a/version", b"3"), Entry("a/data.pkl", BENIGN, local_name="a/readme.txt")])
    assert levels(sample)["zip-headers-differ"] is Level.MALICIOUS


def test_sizes_that_follow_the_member_do_not_differ() -> None:
    """Torch leaves them out of the local header, as the format allows."""
    assert levels(checkpoint({"w": [1.0]})) == {}
