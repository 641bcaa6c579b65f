"""Formats that are recognised and not judged yet: each can bear code or reach files, so none is ever called clean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.formats import msgpack
from picklewatch.formats.base import Format, Part, Scan
from picklewatch.formats.hidden import search
from picklewatch.formats.protobuf import fields
from picklewatch.formats.zipkind import unjudged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HDF5 = b"\x89HDF\r\n\x1a\n"
_LOOKED_THROUGH = 8 << 20


def _reader(what: str) -> Callable[[Scan, Part], None]:
    def read(scan: Scan, part: Part) -> None:
        unjudged(scan, what, part.where)
        search(scan, part, 0, _LOOKED_THROUGH, place=f"in a file of another kind ({what})")

    return read


def _starts(*prefixes: bytes) -> Callable[[bytes, memoryview], bool]:
    return lambda head, _data: head.startswith(prefixes)


def _hdf5(head: bytes, data: memoryview) -> bool:
    """HDF5 allows a user block: the signature stands at 0, 512, 1024, 2048 and so on (HDF5 specification III.A)."""
    if head.startswith(_HDF5):
        return True
    offset = 512
    while offset + 8 <= len(data) and offset <= 1 << 30:
        if data[offset : offset + 8] == _HDF5:
            return True
        offset *= 2
    return False


def _flatbuffer(*names: bytes) -> Callable[[bytes, memoryview], bool]:
    return lambda head, _data: head[4:8] in names


def _protobuf(required: set[int], allowed: Mapping[int, int]) -> Callable[[bytes, memoryview], bool]:
    """A message whose every top-level field has an *allowed* number and wire type and that has a *required* one."""

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
    """Broken or cut-off ONNX: the version of its representation, then another of its fields or its best-known word."""
    if re.match(rb"\x08[\x01-\x10]", head) is None:
        return False
    return head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42") or b"external_data" in head or b"onnx" in head


def _graph(head: bytes, data: memoryview) -> bool:
    """TensorFlow's GraphDef: its first field is a node, which begins with its name and its operation."""
    fields_of = {1: _BYTES, 2: _BYTES, 3: _VARINT, 4: _BYTES}
    return re.match(rb"\n..?.?\n.[\w/.-]+\x12.\w", head, re.DOTALL) is not None and bool(fields(data, fields_of))


def _paddle(head: bytes, data: memoryview) -> bool:
    """Paddle's ProgramDesc: its first field is a block, which begins with its index and its parent's."""
    fields_of = {1: _BYTES, 2: _BYTES, 4: _BYTES, 5: _BYTES}
    return re.match(rb"\n..?.?.?\x08\0\x10", head, re.DOTALL) is not None and bool(fields(data, fields_of))


def _keras_config(_head: bytes, data: memoryview) -> bool:
    """A Keras model's or layer's description, in JSON, YAML or inside other data (``keras_metadata.pb``)."""
    return _KERAS.search(data[:_LOOKED_THROUGH]) is not None


def _remote_code(_head: bytes, data: memoryview) -> bool:
    """Python that a hub's client imports from a repository, or a configuration that names it (``auto_map``)."""
    text = data[:_LOOKED_THROUGH]
    if _AUTO_MAP.search(text) is not None:
        return True
    return _PYTHON.search(text) is not None and any(pattern.search(text) for pattern in (_HUB_CLASS, _HUB_CONF))


_KERAS = re.compile(rb"class_name\"?\s*:\s*\"?(?:Sequential|Functional|Model|Lambda)\b")
_AUTO_MAP = re.compile(rb"\"auto_map\"\s*:\s*\{")
_PYTHON = re.compile(rb"^(?:import|from)[ \t]+[\w.]+|^def[ \t]+\w+[ \t]*\(", re.MULTILINE)
_HUB_CLASS = re.compile(
    rb"^class[ \t]+(?:EndpointHandler\b|\w+[ \t]*\([^)]{0,200}\b(?:\w*PreTrained\w+|\w*PretrainedConfig|ProcessorMixin"
    rb"|\w*ImageProcessor\w*|FeatureExtractionMixin|SequenceFeatureExtractor|GeneratorBasedBuilder|ArrowBasedBuilder|BuilderConfig|DiffusionPipeline"
    rb"|ModelMixin|PyTorchModelHubMixin|BaseHandler|PythonModel|Pipeline)\b)",
    re.MULTILINE,
)
_HUB_CONF = re.compile(rb"^dependencies[ \t]*=[ \t]*\[['\"\s]", re.MULTILINE)
"""``hubconf.py``, which ``torch.hub.load`` imports."""


def _jinja(head: bytes, data: memoryview) -> bool:
    if b"\0" in head:
        return False
    text = bytes(data[:_LOOKED_THROUGH])
    return any(pattern.search(text) for pattern in _JINJA) or _expressions(text)


_JINJA = (
    re.compile(
        rb"\{%[-+]?\s*(?:if|for|set|macro|block|import|include|extends|generation|from|call|filter|with|do|print|raw"
        rb"|autoescape|trans)\b"
    ),
    re.compile(rb"\"chat_template\"\s*:"),
    re.compile(rb"^[ \t-]*'?chat_template'?[ \t]*:[ \t]*[\"'|>{]", re.MULTILINE),
    re.compile(rb"\{\{[-+]?\s{0,20}(?:messages|bos_token|eos_token|add_generation_prompt|raise_exception)\b"),
)
"""Statements, templates under their key, and names of chats."""
_REACHING = rb"__\w|\\x5f|\|\s{0,20}attr\b"
_REACHES = re.compile(_REACHING)
_ACTS = re.compile(rb"\w\s{0,20}\[\s{0,20}['\"]|\.\s{0,20}\w{1,60}\s{0,20}\(|\|\s{0,20}\w|" + _REACHING)
_EXPRESSION = 1_000
_OVERLAP = 200
"""Bytes of an expression that are looked at, and those of them that the next look sees again."""


def _expressions(text: bytes) -> bool:
    """Whether an expression fetches, calls or filters: a plain name does no harm. ``${{ … }}`` is GitHub's own, too."""
    at = text.find(b"{{")
    while at >= 0:
        closed = text.find(b"}}", at, at + _EXPRESSION)
        end = closed if closed >= 0 else at + _EXPRESSION
        if (_REACHES if text[at - 1 : at] == b"$" else _ACTS).search(text, at, end):
            return True
        at = text.find(b"{{", end if closed >= 0 else end - _OVERLAP)
    return False


_TAG = re.compile(rb"[\0\xef\xbb\xbf\xff\xfe \t\r\n]*<")
_NET = re.compile(rb"<net\b[^<]*\bversion\s*=")


def _openvino(_head: bytes, data: memoryview) -> bool:
    """OpenVINO's description of a network: XML in any encoding, whatever stands before its root."""
    return _TAG.match(data) is not None and _NET.search(bytes(data[:_LOOKED_THROUGH]).replace(b"\0", b"")) is not None


def _texts(pattern: bytes) -> Callable[[bytes, memoryview], bool]:
    expression = re.compile(pattern)
    return lambda _head, data: expression.search(data[:_LOOKED_THROUGH]) is not None


_PMML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:PMML\b|[?!].{0,65536}?<PMML\b)", re.DOTALL)
_R = re.compile(rb"RD[ABX][1-3]\r?\n|[XB]\n(?:\0\0\0[\x02\x03]|[\x02\x03]\0\0\0)|A\r?\n[23]\r?\n")


def _regex(pattern: re.Pattern[bytes]) -> Callable[[bytes, memoryview], bool]:
    return lambda head, _data: pattern.match(head) is not None


_SECOND: tuple[tuple[str, Callable[[bytes, memoryview], bool]], ...] = (
    ("keras-h5", _hdf5),
    ("gguf", _starts(b"GGUF", b"FUGG")),
    ("ggml", _starts(b"lmgg", b"tjgg", b"fmgg", b"algg")),
    ("llamafile", _starts(b"MZqFpD=", b"jartsr=")),
    ("tflite", _flatbuffer(b"TFL3")),
    ("executorch", _flatbuffer(b"ET12", b"ET13", b"ET11", b"BP08", b"FT01")),
    ("torch-mobile-flatbuffer", _flatbuffer(b"PTMF")),
    ("r-data", _regex(_R)),
    ("openvino", _openvino),
    ("pmml", _regex(_PMML)),
    ("xgboost-ubj", _starts(b"{L\0\0\0\0\0\0\0\x07learner", b"{U\x07learner", b"{i\x07learner")),
    ("xgboost-json", _regex(re.compile(rb"\s*\{\s*\"(?:learner|Config)\"\s*:"))),
    ("lightgbm", _starts(b"tree\nversion=")),
    ("catboost", _starts(b"CBM1")),
    ("tf-savedmodel", _protobuf({2}, _SAVED_MODEL)),
    ("onnx", _protobuf({7, 25, 26}, _ONNX)),
    ("tf-graph", _graph),
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

FORMATS = tuple(Format(name, matches, _reader(name)) for name, matches in _SECOND)
"""By magic numbers or structure."""

_SAVED_MODEL_TEXT = rb"\b(?:saved_model_schema_version\s*:\s*\d|meta_graphs\s*[{<])"

TEXT_FORMATS = (
    Format("chat-template", _jinja, _reader("chat-template")),
    Format(
        "tf-savedmodel",
        _texts(_SAVED_MODEL_TEXT),
        _reader("tf-savedmodel"),
    ),
    Format("tf-graph", _texts(rb"\bnode\s*[{<]\s*name\s*:\s*[\"']"), _reader("tf-graph")),
    Format("onnx", _texts(rb"\bir_version\s*:\s*\d|\"irVersion\"\s*:"), _reader("onnx")),
    Format("keras-config", _keras_config, _reader("keras-config")),
    Format("remote-code", _remote_code, _reader("remote-code")),
)
"""Among texts."""
