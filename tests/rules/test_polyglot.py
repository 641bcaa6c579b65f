"""Two formats in one file."""

from __future__ import annotations

from samples.containers import tarred
from samples.judging import levels

from picklewatch.core.model import Level


def test_a_tar_whose_first_name_is_a_pickle_is_malicious() -> None:
    """A scanner that goes by magic numbers looks at the members, ``pickle.load`` at the name."""
    assert levels(tarred({"cos\nsystem\n(S'true'\ntR.": b"x"}))["polyglot"] is Level.MALICIOUS


def test_a_tar_is_not_reported() -> None:
    """Names are no opcodes."""
    assert levels(tarred({"cos": b"x"})) == {}
