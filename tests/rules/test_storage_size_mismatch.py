"""A tensor larger than its bytes."""

from __future__ import annotations

from samples.judging import levels
from samples.torch_checkpoint import state_dict_pickle, torch_zip

from picklewatch.core.model import Level


def test_a_record_shorter_than_the_storage_is_malicious() -> None:
    """CVE-2026-24747: torch reads memory beyond the record."""
    found = levels(torch_zip(state_dict_pickle({"w": [1.0] * 8}), {"0": bytes(16)}))
    assert found["storage-size-mismatch"] is Level.MALICIOUS


def test_a_record_of_the_storage_s_size_is_not_reported() -> None:
    """Eight floats in 32 bytes."""
    assert levels(torch_zip(state_dict_pickle({"w": [1.0] * 8}), {"0": bytes(32)})) == {}
