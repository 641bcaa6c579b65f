"""Tombstones of quarantined files."""

from __future__ import annotations

import io
import pickle
import pickletools

import pytest

from picklewatch.core.tombstone import TOMBSTONE_LENGTH, parse_tombstone, tombstone, tombstones

ID = "3f2a9c0b12de"


def test_loading_fails_with_the_command_that_explains_it() -> None:
    """The C unpickler and the Python one fail on the import, and the message says who, and what to run."""
    for load in (pickle.loads, lambda data: pickle._Unpickler(io.BytesIO(data)).load()):
        with pytest.raises(ModuleNotFoundError, match=rf"QUARANTINED BY picklewatch \(run: .* quarantine show {ID}\)"):
            load(tombstone(ID))


def test_a_tombstone_only_imports() -> None:
    """A tombstone names one module and stops: nothing is called, built or stored."""
    assert [op.name for op, _, _ in pickletools.genops(tombstone(ID))] == ["PROTO", "GLOBAL", "STOP"]


def test_a_tombstone_is_readable_for_people() -> None:
    """The text after STOP is plain, for those who look at the file, and names the ways on."""
    *_, show, _, rescue, end = tombstone(ID).decode("latin-1").split("\n")
    assert (show, end) == (f"    picklewatch quarantine show {ID}", "")
    assert rescue == f"    picklewatch rescue --item {ID} weights.safetensors"


FORMER = (
    b"\x80\x02cQUARANTINED BY picklewatch (run: picklewatch quarantine show 3f2a9c0b12de)\nunsafe_file\n.\n"
    b"picklewatch moved the file that was here into quarantine. To see why, and how to get it back:\n"
    b"    picklewatch quarantine show 3f2a9c0b12de\n"
)
"""As it was written before `picklewatch rescue`."""


def test_own_tombstones_are_recognised() -> None:
    """A written tombstone is found again, with the item's id; that of former versions, too."""
    assert tombstones(ID) == (tombstone(ID), FORMER)
    assert [parse_tombstone(data) for data in tombstones(ID)] == [ID, ID]
    assert max(map(len, tombstones(ID))) == TOMBSTONE_LENGTH


@pytest.mark.parametrize(("form", "at"), [(form, at) for form in (0, 1) for at in range(len(tombstones(ID)[form]))])
def test_a_changed_byte_is_no_tombstone(form: int, at: int) -> None:
    """Whatever differs in one bit is judged like any other file (a changed id must agree in all places)."""
    data = bytearray(tombstones(ID)[form])
    data[at] ^= 1
    assert parse_tombstone(bytes(data)) is None


@pytest.mark.parametrize("data", [b"", tombstone(ID)[:-1], tombstone(ID) + b"\n", b"\n" + tombstone(ID)])
def test_more_or_less_is_no_tombstone(data: bytes) -> None:
    """Only the whole file counts."""
    assert parse_tombstone(data) is None


@pytest.mark.parametrize("item_id", ["", "3F2A9C0B12DE", ID + "0", "3f2a9c0b12d\n", "../../../etc", "٣" * 12])
def test_only_ids_are_written(item_id: str) -> None:
    """An id is twelve hexadecimal digits, so that nothing else can come into the bytes."""
    with pytest.raises(ValueError, match="not an item's id"):
        tombstone(item_id)
