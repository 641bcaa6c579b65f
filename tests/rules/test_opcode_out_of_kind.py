"""An opcode on something that it is not for."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import NONE, SETITEM, call, number, pickle, sizes, storage, tensor, text
from samples.torch_checkpoint import torch_zip

from picklewatch.core.model import Level


def test_an_item_set_on_a_tensor_is_malicious() -> None:
    """CVE-2026-24747: torch's restricted unpickler corrupts memory."""
    sample = tensor(storage(), sizes(16), sizes(1)), number(0), number(1), SETITEM
    assert levels(torch_zip(pickle(2, *sample), {"0": bytes(64)}))["opcode-out-of-kind"] is Level.MALICIOUS


def test_an_item_set_on_a_dict_is_not_reported() -> None:
    """What SETITEM is for."""
    assert levels(pickle(2, call("collections", "OrderedDict"), text("a"), NONE, SETITEM)) == {}
