"""picklewatch's own self-test file."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import global_, pickle, text

from picklewatch.core.model import Level


def test_the_import_is_judged_as_if_it_were_hostile() -> None:
    """So that the whole way can be tried."""
    assert levels(pickle(2, global_("PICKLEWATCH_SELF_TEST", "harmless"))) == {"self-test-file": Level.MALICIOUS}


def test_the_self_tests_name_as_data_is_not_reported() -> None:
    """Only the import counts."""
    assert levels(pickle(2, text("PICKLEWATCH_SELF_TEST"))) == {}
