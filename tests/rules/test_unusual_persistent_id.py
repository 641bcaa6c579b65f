"""A persistent id in a torch file that is no storage."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels
from samples.opcodes import BINPERSID, global_, number, pickle, sizes, storage, tensor, text, tuple_
from samples.torch_checkpoint import torch_zip

from picklewatch.core.model import Level


def test_a_text_in_place_of_a_storage_is_unsafe() -> None:
    """Torch's loaders know storages only."""
    assert levels(torch_zip(pickle(2, text("x"), BINPERSID)))["unusual-persistent-id"] is Level.UNSAFE


def test_a_storage_is_not_reported() -> None:
    """What a tensor refers to."""
    assert levels(torch_zip(pickle(2, tensor(storage(), sizes(16), sizes(1))), {"0": bytes(64)})) == {}


def test_a_numbered_storage_of_a_package_is_not_reported() -> None:
    """A package numbers its storages where ``torch.save`` writes their names."""
    pid = tuple_(text("storage"), global_("torch", "FloatStorage"), number(0), text("cpu"), number(16)) + BINPERSID
    members = {
        "p/.data/extern_modules": b"",
        "p/.data/0.storage": bytes(64),
        "p/m/m.pkl": pickle(2, tensor(pid, sizes(16), sizes(1))),
    }
    assert levels(zipped(members)) == {"code-bearing-archive": Level.UNSAFE}
    short = members | {"p/.data/0.storage": bytes(60)}
    assert levels(zipped(short))["storage-size-mismatch"] is Level.MALICIOUS
