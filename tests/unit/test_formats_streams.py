"""Compressed streams of every codec, several in a row, broken, nested, and what follows them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
import zlib
from base64 import b64encode
from typing import TYPE_CHECKING

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.containers import lz4 as lz4_stored
from samples.containers import tarred, zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import HARMFUL, judged, rules, verdict

from picklewatch.analysis.formats import codecs
from picklewatch.analysis.formats.lz4_frames import Lz4Decompressor
from picklewatch.core.model import Limits, Verdict

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

if TYPE_CHECKING:
    from collections.abc import Callable


def lzma_alone(data: bytes) -> bytes:
    """The old format of lzma."""
    return lzma.compress(data, lzma.FORMAT_ALONE)


def zfile(data: bytes) -> bytes:
    """Joblib's format before 0.10."""
    return b"ZF" + hex(len(data)).encode().ljust(19) + zlib.compress(data)


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lzma_alone,
    "zlib": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
    "joblib-zfile": zfile,
}


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_undone(codec: str) -> None:
    """By content, whatever the file is called."""
    report, level = judged(CODECS[codec](BENIGN))
    assert (report.format, level) == (codec, Verdict.CLEAN)
    assert verdict(CODECS[codec](EVIL)) in HARMFUL
    assert verdict(CODECS[codec](b"some notes\n" * 50)) is Verdict.SKIPPED


@pytest.mark.parametrize("outer", CODECS)
@pytest.mark.parametrize("inner", CODECS)
def test_codecs_in_codecs(outer: str, inner: str) -> None:
    """Each content is judged by what it is."""
    assert verdict(CODECS[outer](CODECS[inner](EVIL))) in HARMFUL


@pytest.mark.parametrize("codec", CODECS)
def test_archives_in_codecs(codec: str) -> None:
    """NeMo's checkpoints, pandas' pickles, anybody's."""
    assert (
        verdict(CODECS[codec](tarred({"model_config.yaml": b"a: 1\n", "weights.ckpt": zipped({"data.pkl": EVIL})})))
        in HARMFUL
    )


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "xz", "lz4", "zstd"])
def test_streams_in_a_row_are_one_content(codec: str) -> None:
    """The standard library reads them so."""
    pack = CODECS[codec]
    assert verdict(pack(EVIL[:5]) + pack(EVIL[5:])) in HARMFUL
    assert verdict(pack(b"") + pack(EVIL)) in HARMFUL


@pytest.mark.parametrize("codec", CODECS)
def test_what_follows_a_stream_is_judged(codec: str) -> None:
    """A payload behind the end waits for a reader that seeks."""
    assert verdict(CODECS[codec](BENIGN) + EVIL) in HARMFUL
    assert verdict(CODECS[codec](BENIGN) + b"\0" * 8) is Verdict.CLEAN


@pytest.mark.parametrize("codec", CODECS)
def test_a_stream_that_breaks_off_is_unscannable(codec: str) -> None:
    """Never clean; and what could be unpacked is judged."""
    whole = CODECS[codec](BENIGN * 50)
    assert verdict(whole[: len(whole) - 6]) is Verdict.UNSCANNABLE
    long = CODECS[codec](EVIL + bytes(range(256)) * 4000)
    assert verdict(long[: len(long) - 6]) in HARMFUL | {Verdict.UNSCANNABLE}


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "xz", "zlib", "lz4", "zstd"])
def test_a_bomb_ends_at_the_limit(codec: str) -> None:
    """Bounded memory, and never clean."""
    report, level = judged(CODECS[codec](bytes(8 << 20)), Limits(member=1 << 20))
    assert level is Verdict.UNSCANNABLE
    assert not report.complete


@pytest.mark.parametrize("codec", CODECS)
def test_a_broken_stream_is_no_failure_of_the_scan(codec: str) -> None:
    """Each codec has errors of its own: all of them mean a broken file, and none ends the scan."""
    whole = CODECS[codec](BENIGN * 50)
    for at in range(4, len(whole)):
        report, _level = judged(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        assert "scan-error" not in {finding.rule for finding in report.findings}, at


def test_a_codec_that_is_not_there_is_unscannable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The finding says what to install."""
    monkeypatch.setitem(codecs.DECODERS, "zstd", None)
    report, level = judged(b"\x28\xb5\x2f\xfd" + bytes(20))
    assert level is Verdict.UNSCANNABLE
    assert "backports.zstd" in report.findings[0].summary


@pytest.mark.parametrize("length", [b"0X17", b"17", b"+0x_17", b" \t017", b"-1"])
def test_the_length_of_a_zfile_is_any_number_that_joblib_takes(length: bytes) -> None:
    """``int(…, 16)`` reads it, so that no ``0x`` need follow the two letters."""
    assert verdict(b"ZF" + length.ljust(19) + zlib.compress(EVIL)) in HARMFUL
    assert verdict(b"ZF" + length.ljust(20) + zlib.compress(EVIL)) in HARMFUL
    assert verdict(b"ZF" + length.ljust(19) + b"is no stream") is Verdict.SKIPPED


def test_text_that_begins_like_a_stream_is_text() -> None:
    """Magic numbers of a byte or two must open."""
    assert verdict(b"x^2 + y^2 = z^2\n") is Verdict.SKIPPED
    assert verdict(b"]\x00\x00 is no archive") is Verdict.SKIPPED


@given(st.binary(max_size=3000), st.integers(1, 40))
def test_our_lz4_agrees_with_the_library(data: bytes, repeats: int) -> None:
    """The package is the reference that ours is held to."""
    data = data * repeats
    for packed in (
        lz4.frame.compress(data),
        lz4.frame.compress(data, block_linked=True, content_checksum=True),
        lz4_stored(data),
    ):
        decoder = Lz4Decompressor()
        out = b"".join(decoder.decompress(packed[at : at + 999], 500) for at in range(0, len(packed), 999))
        while not decoder.eof or not decoder.needs_input:
            more = decoder.decompress(b"", 5000)
            if not more and decoder.eof:
                break
            out += more
        assert out == data


@given(st.binary(max_size=300))
def test_our_lz4_fails_like_a_library(data: bytes) -> None:
    """Broken frames are a ValueError, nothing else."""
    packed = b"\x04\x22\x4d\x18\x60\x40\x82" + data
    try:
        Lz4Decompressor().decompress(packed, 1 << 20)
    except ValueError:
        return


def test_encoded_pickles_are_decoded() -> None:
    """stable-baselines3 keeps cloudpickles in base64 inside its JSON."""
    encoded = b64encode(EVIL * 2)
    assert verdict(b'{"policy_class": {":type:": "x", ":serialized:": "' + encoded + b'"}}') in HARMFUL
    assert verdict(b'{"a": {":serialized:": "' + b64encode(BENIGN) + b'"}}') is Verdict.CLEAN
    text = b64encode(b"cos\nsystem\n(Vtrue\ntR.")
    assert verdict(b'{":serialized:": "' + text + b'"}') in HARMFUL
    assert verdict(b'{":\\u0073erialized:": "' + text.replace(b"Y", b"\\u0059") + b'"}') in HARMFUL
    assert verdict(zipped({"data": b'{":serialized:": "' + encoded + b'"}', "policy.pth": b""})) in HARMFUL
    assert "hidden-pickle" in rules(b"\x80\x04C" + bytes([len(EVIL.hex())]) + EVIL.hex().encode() + b".")


_ENCODED = b64encode(b"cposix\nsystem\n(S'true'\ntR.")
_IN_UTF_16 = b"V\0a\0" + b64encode(EVIL)


@pytest.mark.parametrize(
    "data",
    {
        "one digit before the hexadecimal": b"(Va" + EVIL.hex().encode() + b"\n0N.",
        "also valid UTF-16": _IN_UTF_16 + b"=" * (len(_IN_UTF_16) % 2) + b"\n0N.",
        "an unsafe pickle behind it": b"(V" + _ENCODED + b"\n0N.ccolorsys\nrgb_to_hsv\n(I1\nI1\nI1\ntR.",
        "a pickle beyond a limit behind it": b"(V" + _ENCODED + b"\n0N.(" + b"N0" * 3000 + b"N.",
    }.values(),
    ids=["nibble", "utf-16", "unsafe row", "limited row"],
)
def test_an_encoded_pickle_in_a_text_pickle_is_searched_for_in_its_own_bytes(data: bytes) -> None:
    """As the unpickler has them, whatever they look like as a text, and before what follows is judged."""
    report, level = judged(data, Limits(opcodes=1000))
    assert level is Verdict.MALICIOUS
    assert "code-execution" in {finding.rule for finding in report.findings}
