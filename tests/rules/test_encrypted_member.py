"""An encrypted member."""

from __future__ import annotations

from samples.containers import Entry, seven_zip, zip_of
from samples.hostile import BENIGN
from samples.judging import levels

from picklewatch.core.model import Level


def test_what_can_t_be_decrypted_is_unscannable() -> None:
    """In zip and in 7z."""
    scrambled = bytes(byte ^ 0x5A for byte in BENIGN)
    for sample in (zip_of([Entry("a", scrambled, flags=0x1, crc=7)]), seven_zip({"a": BENIGN}, "aes")):
        assert levels(sample)["encrypted-member"] is Level.UNSCANNABLE


def test_the_flag_over_plain_bytes_is_another_rule() -> None:
    """They are read as they are."""
    assert set(levels(zip_of([Entry("a", BENIGN, flags=0x1)]))) == {"zip-flag-bits"}
