"""Formats that are recognised and not judged yet: each can bear code or reach files, so none is ever called clean.

Their loaders run code of the file's author: Keras' ``Lambda`` layers (keras/src/saving, CVE-2024-3660), TensorFlow's
``ReadFile`` and ``WriteFile`` operations, ONNX's external data outside of its directory, R's promises
(CVE-2024-27322), Python that a hub's client imports. Recognition goes by first bytes or by structure, never by names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats import msgpack
from picklewatch.analysis.formats.context import HEAD, Format, Scan
from picklewatch.analysis.formats.gguf import judge_metadata
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.part import CHUNK, Part
from picklewatch.analysis.formats.protobuf import contents_of, fields
from picklewatch.analysis.formats.zipkind import unjudged
from picklewatch.analysis.sparse import before_hole, first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HDF5 = b"\x89HDF\r\n\x1a\n"
_LOOKED_THROUGH = 8 << 20
"""Bytes that are searched for hidden pickles; the content is reported as ``format-not-judged`` and never clean."""


def _reader(what: str) -> Callable[[Scan, Part], None]:
    def read(scan: Scan, part: Part) -> None:
        unjudged(scan, what, part.where)
        search(scan, part, 0, _LOOKED_THROUGH, place=f"in a file of another kind ({what})")

    return read


def _read_gguf(scan: Scan, part: Part) -> None:
    judge_metadata(scan, part)
    _reader("gguf")(scan, part)


def _starts(*prefixes: bytes) -> Callable[[bytes, memoryview], bool]:
    return lambda head, _data: head.startswith(prefixes)


def _hdf5(head: bytes, data: memoryview) -> bool:
    """Return True if HDF5's signature stands at 0, 512, 1024, 2048 … (a user block: HDF5 specification III.A)."""
    if head.startswith(_HDF5):
        return True
    offset = 512
    while offset + 8 <= len(data):
        if data[offset : offset + 8] == _HDF5:
            return True
        offset *= 2
    return False


_KERAS_NAMES = re.compile(rb"keras_version|model_config|layer_names|model_weights|weight_names")
"""Attributes and groups that Keras writes (keras/src/legacy/saving/legacy_h5_format.py)."""


def _keras_hdf5(head: bytes, data: memoryview) -> bool:
    """Return True for HDF5 with Keras' attributes: anndata's and MATLAB's files have none."""
    return _hdf5(head, data) and first(_KERAS_NAMES, data) is not None


def _flatbuffer(*names: bytes) -> Callable[[bytes, memoryview], bool]:
    return lambda head, _data: head[4:8] in names


def _protobuf(required: set[int], allowed: Mapping[int, int]) -> Callable[[bytes, memoryview], bool]:
    """Return a test for messages of *allowed* top-level fields (number → wire type), one of them *required*."""

    def matches(head: bytes, data: memoryview) -> bool:
        if not head or head[0] >> 3 == 0 or head[0] & 7 not in (0, 2):
            return False
        return not required.isdisjoint(fields(data, allowed))

    return matches


_VARINT, _BYTES = 0, 2
_ONNX = {1: _VARINT, 2: _BYTES, 3: _BYTES, 4: _BYTES, 5: _VARINT, 6: _BYTES, 7: _BYTES, 8: _BYTES, 14: _BYTES,
         20: _BYTES, 25: _BYTES, 26: _BYTES}  # fmt: skip
_SAVED_MODEL = {1: _VARINT, 2: _BYTES}
_COREML = {1: _VARINT, 2: _BYTES, 10: _VARINT, **dict.fromkeys(range(200, 3001), _BYTES)}


def _onnx_like(head: bytes, _data: memoryview) -> bool:
    """Return True for broken or cut-off ONNX: the IR version, then another of its fields or its best-known word."""
    if re.match(rb"\x08[\x01-\x10]", head) is None:
        return False
    return head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42") or b"external_data" in head or b"onnx" in head


def _graph(head: bytes, data: memoryview) -> bool:
    """Return True for TensorFlow's GraphDef: its first field is a node, which begins with a name and an operation."""
    fields_of = {1: _BYTES, 2: _BYTES, 3: _VARINT, 4: _BYTES}
    return re.match(rb"\n..?.?\n.[\w/.-]+\x12.\w", head, re.DOTALL) is not None and bool(fields(data, fields_of))


def _meta_graph(_head: bytes, data: memoryview) -> bool:
    """Return True for TensorFlow 1's MetaGraphDef (``.meta``): descriptions of itself, then a graph of nodes."""
    parts = {1: _BYTES, 2: _BYTES, 3: _BYTES, 4: _BYTES, 5: _BYTES, 6: _BYTES, 7: _BYTES}
    if 2 not in fields(data, parts):  # noqa: PLR2004  (the graph)
        return False
    return any(_graph(bytes(graph[:HEAD]), graph) for graph in contents_of(data, 2))


def _paddle(head: bytes, data: memoryview) -> bool:
    """Return True for Paddle's ProgramDesc: its first field is a block, which begins with two indexes."""
    fields_of = {1: _BYTES, 2: _BYTES, 4: _BYTES, 5: _BYTES}
    return re.match(rb"\n..?.?.?\x08\0\x10", head, re.DOTALL) is not None and bool(fields(data, fields_of))


def _keras_config(_head: bytes, data: memoryview) -> bool:
    """Return True for a Keras model's or layer's description inside of other data (``keras_metadata.pb``)."""
    return first(_KERAS, data) is not None


_KERAS = re.compile(rb"class_name\"?\s*+:\s*+\"?(?:Sequential|Functional|Model|Lambda)\b")


_TAG = re.compile(rb"[\0\xef\xbb\xbf\xff\xfe \t\r\n]*+<")
_NET = re.compile(rb"<net\b[^<]*\bversion\s*=")
_NETWORK = re.compile(rb"<net\b")


def _openvino(_head: bytes, data: memoryview) -> bool:
    """Return True for OpenVINO's description of a network: XML in any encoding, whatever stands before its root."""
    text = before_hole(data)
    if _TAG.match(text) is None:
        return False
    held = b""
    for begin in range(0, len(text), CHUNK):
        held += bytes(text[begin : begin + CHUNK]).replace(b"\0", b"")
        if _NET.search(held) is not None:
            return True
        tag = held.rfind(b"<")
        held = held[tag:] if tag >= 0 else b""
        if len(held) > CHUNK:  # one tag: of a network, whatever else it says, or of something else
            if _NETWORK.match(held) is not None:
                return True
            held = b""
    return False


_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<(?:[?!]|(?=PMML\b))")
_ROOT = re.compile(rb"<PMML\b")


def _pmml(_head: bytes, data: memoryview) -> bool:
    """Return True for PMML, whatever declarations stand before its root."""
    return _XML.match(data) is not None and first(_ROOT, data) is not None


_R = re.compile(rb"RD[ABX][1-3]\r?\n|[XB]\n(?:\0\0\0[\x02\x03]|[\x02\x03]\0\0\0)|A\r?\n[23]\r?\n")


def _regex(pattern: re.Pattern[bytes]) -> Callable[[bytes, memoryview], bool]:
    return lambda _head, data: pattern.match(data) is not None


_SECOND: tuple[tuple[str, Callable[[bytes, memoryview], bool]], ...] = (
    ("keras-h5", _keras_hdf5),
    ("hdf5", _hdf5),
    ("ggml", _starts(b"lmgg", b"tjgg", b"fmgg", b"algg")),
    ("llamafile", _starts(b"MZqFpD=", b"jartsr=")),
    ("tflite", _flatbuffer(b"TFL3")),
    ("executorch", _flatbuffer(b"ET12", b"ET13", b"ET11", b"BP08", b"FT01")),
    ("torch-mobile-flatbuffer", _flatbuffer(b"PTMF")),
    ("r-data", _regex(_R)),
    ("openvino", _openvino),
    ("pmml", _pmml),
    ("xgboost-ubj", _starts(b"{L\0\0\0\0\0\0\0\x07learner", b"{U\x07learner", b"{i\x07learner")),
    ("xgboost-json", _regex(re.compile(rb"\s*+\{\s*+\"(?:learner|Config)\"\s*+:"))),
    ("lightgbm", _starts(b"tree\nversion=")),
    ("catboost", _starts(b"CBM1")),
    ("tf-savedmodel", _protobuf({2}, _SAVED_MODEL)),
    ("onnx", _protobuf({7, 25, 26}, _ONNX)),
    ("tf-graph", _graph),
    ("tf-graph", _meta_graph),
    ("paddle", _paddle),
    ("coreml", _protobuf(set(range(200, 3001)), _COREML)),
    ("onnx", _onnx_like),
    ("flax", msgpack.matches),
    ("tensorrt", _starts(b"ptrt", b"ftrt")),
    ("cntk", _starts(b"B\0C\0N\0")),
    ("torch7", lambda head, _data: head[12:16] == b"V 1\3" or head.startswith(b"4\n1\n3\nV 1\n")),
    ("program", _starts(b"\x7fELF", b"MZ", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xfe\xed\xfa", b"\0asm")),
    ("keras-config", _keras_config),
)

FORMATS = (
    Format("gguf", _starts(b"GGUF", b"FUGG"), _read_gguf),
    *(Format(name, matches, _reader(name)) for name, matches in _SECOND),
)
"""By magic numbers or structure."""

_KINDS: tuple[tuple[str, tuple[re.Pattern[bytes], ...]], ...] = (
    (
        "tf-savedmodel",
        (
            re.compile(
                rb"_(?:model_schema_version(?<=\bsaved_model_schema_version)\s*+:\s*+\d"
                rb"|graphs(?<=\bmeta_graphs)\s*+[{<])"
            ),
        ),
    ),
    ("tf-graph", (re.compile(rb"node(?<!\wnode)\s*+[{<]\s*+name\s*+:\s*+[\"']"),)),
    ("onnx", (re.compile(rb"_version(?<=\bir_version)\s*+:\s*+\d"),)),
    ("keras-config", ()),
    ("remote-code", ()),
    ("chat-template", ()),
)
"""Kinds of texts by precedence, and patterns that show them besides the keys and strings of JSON and YAML."""


def read_kind(scan: Scan, part: Part, kinds: set[str]) -> str:
    """Report the first kind of a text that was found to be of *kinds*, and return its name, or ``text``."""
    for name, patterns in _KINDS:
        shown = name in kinds or any(pattern.search(part.data) for pattern in patterns)
        if shown:
            if name == "chat-template":
                scan.code_bearing = True
            else:
                _reader(name)(scan, part)
            return name
    return "text"
