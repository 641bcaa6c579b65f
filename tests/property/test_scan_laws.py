"""Laws of scanning: it always ends in a report, nesting never launders a payload, and noise is never harm."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from functools import reduce
from random import Random
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.containers import Entry, library_zip, lz4, objects, seven_zip, tarred, zip_of, zipped
from samples.hostile import BENIGN, EVIL, all_but_bombs
from samples.judging import HARMFUL, judged, verdict
from samples.torch_checkpoint import checkpoint, state_dict_pickle, torch_zip

from picklewatch.core.model import Limits, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITS = Limits(seconds=20.0, member=1 << 24, unpacked=1 << 26)
RELAXED = settings(max_examples=150)


def arrays() -> bytes:
    """An archive of arrays."""
    file = io.BytesIO()
    np.savez_compressed(file, a=np.arange(9), b=np.array([None], object))
    return file.getvalue()


SEEDS: tuple[bytes, ...] = (
    EVIL,
    BENIGN * 2,
    checkpoint({"a": [1.0, 2.0]}),
    torch_zip(EVIL),
    zip_of([Entry("a/data.pkl", BENIGN, deflated=True), Entry("a/data/0", bytes(64))], comment=b"x" * 9),
    tarred({"model_config.yaml": b"a: 1", "weights": EVIL}),
    seven_zip({"a": EVIL, "b": b"text"}),
    seven_zip({"a": EVIL}, "lzma", packed_header=True),
    library_zip({"a": EVIL}, zipfile.ZIP_LZMA),
    objects(EVIL),
    arrays(),
    gzip.compress(BENIGN) + b"tail",
    bz2.compress(BENIGN),
    lzma.compress(BENIGN),
    lzma.compress(BENIGN, lzma.FORMAT_ALONE),
    zlib.compress(BENIGN),
    lz4(BENIGN),
    b"ZF0x30".ljust(21) + zlib.compress(BENIGN),
    b"\x18\0\0\0\0\0\0\0" + b'{"__metadata__":{"a":""}}',
    b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.\x80\x02}.\x80\x02}.\x80\x02].",
    b"GGUF\3\0\0\0" + bytes(40),
    b"\x08\x07\x12\x04test\x3a\x02\x0a\x00",
    b"\x89HDF\r\n\x1a\n" + bytes(64),
)

WRAPPERS: dict[str, Callable[[bytes], bytes]] = {
    "zip": lambda data: zipped({"x": data}),
    "deflated": lambda data: zipped({"archive/data.pkl": data}, deflated=True),
    "torch": lambda data: (
        torch_zip(state_dict_pickle({}), {}) if not data else zipped({"a/version": b"3", "a/x.pkl": data})
    ),
    "tar": lambda data: tarred({"pickle": data}),
    "7z": lambda data: seven_zip({"x": data}),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zlib": zlib.compress,
    "lz4": lz4,
    "behind a pickle": lambda data: BENIGN + data,
    "behind an archive": lambda data: zipped({"notes": b"hello"}) + data,
}


@RELAXED
@given(st.binary(max_size=400), st.sampled_from(SEEDS), st.integers(0, 64))
def test_any_bytes_end_in_a_report(data: bytes, seed: bytes, kept: int) -> None:
    """Behind any format's first bytes, whatever follows."""
    report, _ = judged(seed[:kept] + data, LIMITS)
    assert all(finding.rule != "scan-error" for finding in report.findings), report.findings


@RELAXED
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
def test_damaged_files_end_in_a_report(seed: bytes, changes: list[tuple[float, int]], kept: float) -> None:
    """Any few bytes changed, and cut off anywhere."""
    data = bytearray(seed)
    for place, value in changes:
        data[int(place * len(data))] = value
    report, _ = judged(bytes(data[: int(kept * len(data)) + 1]), LIMITS)
    assert all(finding.rule != "scan-error" for finding in report.findings), report.findings


@RELAXED
@given(st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=5))
def test_no_nesting_launders_a_payload(wrappers: list[str]) -> None:
    """Containers in containers, in any order, up to the limit."""
    data = reduce(lambda inner, name: WRAPPERS[name](inner), wrappers, EVIL)
    report, level = judged(data, LIMITS)
    assert level in HARMFUL, (wrappers, report.findings)


SHAPES = all_but_bombs()


@RELAXED
@given(
    st.sampled_from(sorted(SHAPES)),
    st.lists(st.sampled_from(["zip", "deflated", "tar", "7z", "gzip", "xz"]), max_size=3),
)
def test_no_container_launders_any_shape(shape: str, wrappers: list[str]) -> None:
    """Every hostile shape stays at least unsafe inside of containers."""
    data = reduce(lambda inner, name: WRAPPERS[name](inner), wrappers, SHAPES[shape])
    assert verdict(data, LIMITS) in HARMFUL


@RELAXED
@given(st.integers(0, 1 << 64), st.integers(0, 4000))
def test_noise_in_a_tensor_is_never_harm(seed: int, size: int) -> None:
    """Raw bytes that nobody chose for their meaning (``st.binary`` tries words of our own sources, such as ``os``)."""
    noise = Random(seed).randbytes(size - size % 4)
    level = verdict(torch_zip(state_dict_pickle({"w": [0.0] * (len(noise) // 4)}), {"0": noise}), LIMITS)
    assert level is Verdict.CLEAN


@RELAXED
@given(st.text(max_size=400))
def test_text_is_never_harm(text: str) -> None:
    """Whatever people write."""
    assert verdict(text.encode("utf-8", "surrogatepass"), LIMITS) not in HARMFUL
