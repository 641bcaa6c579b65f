"""A loader that begins at the first byte runs the file, whatever else the file is by its looks."""

from __future__ import annotations

import base64
import io
import json
import lzma
import struct
import tarfile
import zipfile

import pytest
from samples.judging import HARMFUL, rules, verdict
from samples.opcodes import REDUCE, TUPLE1, call, dict_, get, global_, new, number, pickle, put, text

from picklewatch.core.model import Verdict

_RUN = b"ccompany_ml_utils.shell\nrun\n(S'model'\ntR"
"""Protocol 0, a call of something that nobody vouched for, no end: `pickle.load` runs it and then fails."""
_PICKLE = pickle(2, call("company_ml_utils.shell", "run", text("model")))


def _tar(name: str, content: bytes) -> bytearray:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return bytearray(file.getvalue())


def _checksum(archive: bytearray, spelling: str) -> bytes:
    archive[148:156] = b" " * 8
    total = sum(archive[:512])
    spelt = {"binary": b"\x80" + total.to_bytes(7, "big"), "cut": b"%06o\0x" % total, "octal": b"%06o\0 " % total}
    archive[148:156] = spelt[spelling]
    return bytes(archive)


def _nameless() -> bytes:
    archive = _tar("", _PICKLE)
    archive[:4], archive[345:348] = b"\0" * 4, b"dir"
    return _checksum(archive, "octal")


def _zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def _lzma(content: bytes = _PICKLE, **properties: int) -> bytes:
    chosen = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, **properties}
    return lzma.compress(content, format=lzma.FORMAT_ALONE, filters=[chosen])


def _says_nothing(properties: int) -> bytes:
    return bytes([properties]) + struct.pack("<IQ", 1 << 16, 0) + bytes(5)


@pytest.mark.parametrize(
    "content",
    [
        _RUN,
        b"N." + _RUN + b".",
        b"(ihelpers\nrun\n",
        b"((iproject.helpers\nrun\n",
        b"cantigravity\nx\n",
        b"cantigravity\nx\n.",
        b"X" + struct.pack("<I", 70_000) + b"\1" * 70_000 + b"0" + _RUN + b".",
        bytes(_tar(_RUN.decode() + ".", b"hello")),
        _checksum(_tar("pickle", _PICKLE), "binary"),
        _checksum(_tar("pickle", _PICKLE), "cut"),
        _nameless(),
        _lzma(lc=0, lp=0, pb=0),
        _lzma(lc=1, lp=2, pb=1, dict_size=3 << 15),
    ],
    ids=["text-without-end", "second-in-text", "inst-without-end", "inst-after-brackets", "import-that-acts",
         "import-that-acts-alone", "far-away", "tar-name", "tar-binary", "tar-cut", "tar-nameless",
         "lzma-properties", "lzma-dictionary"],
)  # fmt: skip
def test_what_a_loader_runs_is_judged_whatever_the_file_looks_like(content: bytes) -> None:
    """Nothing here names a module that exists everywhere: the call alone tells."""
    assert verdict(content) in HARMFUL


@pytest.mark.parametrize(
    "streams",
    [
        (_lzma(_RUN[:20]), _lzma(_RUN[20:])),
        (lzma.compress(_RUN[:20]), _lzma(_RUN[20:])),
        (_lzma(_RUN[:20]), lzma.compress(_RUN[20:])),
        (_says_nothing(0x5D), _lzma(_RUN)),
        (_says_nothing(0), _says_nothing(1), lzma.compress(_RUN)),
    ],
    ids=["lzma-lzma", "xz-lzma", "lzma-xz", "nothing-lzma", "nothing-nothing-xz"],
)
def test_streams_that_lzma_reads_in_a_row_are_one_content(streams: tuple[bytes, ...]) -> None:
    """``lzma.open`` tells the format of each stream anew."""
    content = b"".join(streams)
    assert lzma.decompress(content) == _RUN
    assert verdict(content) in HARMFUL


@pytest.mark.parametrize(
    "members",
    [
        {"m__archive_format": b"pt2", "m__data__constants__opaque_obj_0": _RUN + b"."},
        {"m__data.pkl": pickle(2, dict_()), "m__data__constants__opaque_obj_0": _PICKLE},
        {"m__archive_format": b"pt2", "m__data__weights__m_weights_config.json": b"{}", "m__data__weights__w": _PICKLE},
    ],
    ids=["opaque", "opaque-in-a-checkpoint", "weights"],
)
def test_records_that_torch_export_unpickles_are_no_tensors(members: dict[str, bytes]) -> None:
    """``torch.export.load`` gives them to ``pickle.loads`` and to ``torch.load`` with everything allowed."""
    assert verdict(_zip(**members)) in HARMFUL


def test_a_checkpoint_is_not_also_a_pickle_of_its_first_byte() -> None:
    """A zip begins with the opcode of a persistent id, where `pickle.load` ends; its members are judged once."""
    member = b"\x80\x02U\1\n0ctimm.layers.format\nFormat\nU\1x\x85R."
    assert "polyglot" not in rules(_zip(**{"a__data.pkl": member}))


def test_arrays_of_objects_among_tensors_are_arrays() -> None:
    """``numpy.load`` reads any member as an array, whatever a ``data.pkl`` beside it makes of the archive."""
    spelt = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    array = b"\x93NUMPY\1\0" + struct.pack("<H", len(spelt)) + spelt + pickle(2, new("company_ml_utils", "Model"))
    assert verdict(_zip(**{"m__data.pkl": pickle(2, dict_()), "data__x": array})) is Verdict.UNVERIFIED


def test_pickles_that_go_on_with_the_memo_of_the_one_before_are_not_clean() -> None:
    """One ``Unpickler`` that loads twice keeps its memo."""
    first, second = pickle(2, global_("numpy", "zeros"), put(0)), pickle(2, get(0), number(5), TUPLE1, REDUCE)
    assert verdict(first + second) is Verdict.UNSCANNABLE


@pytest.mark.parametrize(
    "content",
    [
        b"(import\n numpy\n as np)\n(define (f x) x)\n",
        b"config.model\nrun\n(see below)\n",
        b"cats\ndogs\n)S\n",
        b"cache\nbuild\n.venv\n",
        b"\0" * 4096,
        b"\1" + b"\0" * 4096,
    ],
    ids=["scheme", "words", "lines", "gitignore", "zeros", "nearly-zeros"],
)
def test_texts_and_zeros_stay_what_they_are(content: bytes) -> None:
    """Words on lines spell an import; nothing calls it."""
    assert verdict(content) is Verdict.SKIPPED


def test_a_deletion_in_a_string_makes_json_no_less_a_text() -> None:
    """``json.loads`` takes U+007F, and so does stable-baselines3; it made a file data of no known kind, and skipped."""
    encoded = base64.b64encode(pickle(4, call("os", "system", text("true")))).decode()
    plain = json.dumps({":type:": "x", ":serialized:": encoded})
    assert json.loads('"\x7f"') == "\x7f"
    assert verdict(plain.replace("{", '{"a": "\x7f", ', 1).encode()) in HARMFUL
