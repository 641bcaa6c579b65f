"""Content that no loader runs: images, safetensors with a sane header, tables and other data files.

The header of safetensors is checked as the reference reader does (safetensors/src/tensor.rs, ``Metadata::validate``):
gaps between tensors, names given twice and bytes behind the last one are where a polyglot keeps a pickle. Two data
files hold pickles by design: a table of Arrow whose type pyarrow unpickles (CVE-2023-47248), and a database of SQLite
that is a shelf (Lib/dbm/sqlite3.py) or diskcache's.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.context import Format, Scan
from picklewatch.analysis.formats.encoded import decoded
from picklewatch.analysis.formats.hidden_pickles import search
from picklewatch.analysis.formats.part import CHUNK, MalformedError, Part, bounded_product
from picklewatch.analysis.formats.text import judge_text
from picklewatch.analysis.formats.trials import TRIAL
from picklewatch.analysis.formats.zipkind import unjudged
from picklewatch.analysis.sparse import first, solid
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable

_SAFETENSORS_HEADER = 100 << 20
"""Bytes; the reference reader's own bound (safetensors/src/tensor.rs)."""

_DTYPE_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip


def _is_safetensors(head: bytes, data: memoryview) -> bool:
    """Return True if a length of eight bytes and a JSON object begin the data, sane or not."""
    if len(data) < 10 or re.match(rb"\{[\"}\s]", head[8:]) is None:  # noqa: PLR2004
        return False
    return head[4:8] == b"\0\0\0\0" or b'"data_offsets"' in head or b'"__metadata__"' in head


def _read_safetensors(scan: Scan, part: Part) -> None:
    data = part.data
    length = int.from_bytes(data[:8], "little")
    try:
        end = _check_header(data, length)
    except MalformedError as error:
        scan.code_bearing = True
        scan.finding("malformed-safetensors", Level.UNSCANNABLE, part.where, str(error))
        search(scan, part, place="in a broken safetensors file")
        return
    judge_text(scan, part._replace(data=data[8 : 8 + length]))
    if 8 + length + end < len(data):
        search(scan, part, 8 + length + end, place="behind the tensors")
    search(scan, part, 8 + length, 8 + length + (1 << 20), place="in a tensor's bytes")


def _check_header(data: memoryview, length: int) -> int:
    """Check the header as the reference reader does, and return the end of the last tensor."""
    available = len(data) - 8 - length
    if length > _SAFETENSORS_HEADER or available < 0:
        raise MalformedError("The header's length reaches beyond the file or the format's bound.")
    try:
        value = json.loads(bytes(data[8 : 8 + length]), object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"The header is not strict JSON: {error}.") from None
    if not isinstance(value, dict):
        raise MalformedError("The header is not a JSON object.")
    metadata = value.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise MalformedError("The header's metadata is not a map of texts.")
    spans = sorted(_span(name, entry) for name, entry in value.items())
    end = 0
    for begin, stop in spans:
        if begin != end:
            raise MalformedError("The tensors leave gaps or overlap.")
        end = stop
    if end != available:
        raise MalformedError(f"The tensors take {end} bytes, the file has {available}.")
    return end


def _span(name: str, entry: object) -> tuple[int, int]:
    fields = entry if isinstance(entry, dict) else {}
    offsets, shape = fields.get("data_offsets"), fields.get("shape")
    if not (isinstance(offsets, list) and len(offsets) == 2 and isinstance(shape, list)):  # noqa: PLR2004
        raise MalformedError(f"The tensor {name[:80]!r} has no shape and offsets.")
    if not all(type(number) is int and number >= 0 for number in (*offsets, *shape)):
        raise MalformedError(f"The tensor {name[:80]!r} has numbers that are none.")
    begin, stop = offsets
    bits = _DTYPE_BITS.get(str(fields.get("dtype")))
    if bits is not None:
        bits = bounded_product(bits, shape)
    if begin > stop or (bits is not None and bits != 8 * (stop - begin)):
        raise MalformedError(f"The tensor {name[:80]!r} has a size that differs from its shape.")
    return begin, stop


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedError("The header names a key twice.")
    return found


_MAGIC: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    (
        "image",
        (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"8BPS", b"\0\0\1\0"),
    ),
    ("media", (b"RIFF", b"OggS", b"fLaC", b"ID3", b"\x1aE\xdf\xa3", b"%PDF")),
    ("table", (b"Obj\x01", b"ORC")),
)


def _read_quiet(scan: Scan, part: Part) -> None:
    search(scan, part, place="in a file of another kind")


def _read_arrow(scan: Scan, part: Part) -> str:
    """Search a table of Arrow or Parquet, and its schema.

    A type that was pickled (``arrow.py_extension_type``) is unpickled by pyarrow before 14.0.1 as soon as the file is
    read (CVE-2023-47248). Parquet keeps Arrow's schema as base64 among its metadata.
    """
    for begin, end in solid(part.data):
        for match in _SCHEMA.finditer(part.data, begin, end):
            scan.budget.charge(TRIAL + len(match[1]))
            for schema in decoded(match[1]):
                search(scan, part._replace(data=memoryview(schema)), place="in a table's schema")
    _read_quiet(scan, part)
    if first(_PICKLED_TYPE, part.data):
        unjudged(scan, "pickled-arrow-type", part.where)
    return "table"


def _is_arrow_stream(head: bytes, _data: memoryview) -> bool:
    """Return True for a stream of Arrow, as Hugging Face's datasets are: a mark, a length, and a message with a schema.

    The message is a flatbuffer (arrow/format/Message.fbs): the second field of its table, the kind, is 1.
    """
    length = int.from_bytes(head[4:8], "little")
    if head[:4] != b"\xff\xff\xff\xff" or length % 8 or not length >= 16 or len(head) < 24:  # noqa: PLR2004
        return False
    table = 8 + int.from_bytes(head[8:12], "little")
    fields = table - int.from_bytes(head[table : table + 4], "little", signed=True)
    if not 8 <= fields <= len(head) - 8:  # noqa: PLR2004
        return False
    kind = table + int.from_bytes(head[fields + 6 : fields + 8], "little")
    return head[kind : kind + 1] == b"\1"


def _is_bytecode(head: bytes, _data: memoryview) -> bool:
    """Return True for compiled Python (PEP 552): a number (3000 to 4095), a line end, and flags."""
    return head[1:2] in _NUMBERS and head[2:4] == b"\r\n" and head[4:5] in _FLAGS and head[5:8] == bytes(3)


_NUMBERS = {b"\x0b", b"\x0c", b"\x0d", b"\x0e", b"\x0f"}
_FLAGS = {b"\0", b"\1", b"\3"}


def _read_bytecode(scan: Scan, part: Part) -> None:
    """Search compiled Python: a pickle in one of its constants is data of a test, and no loader begins there."""
    search(scan, part, place="in compiled Python", compiled=True)


def _read_sqlite(scan: Scan, part: Part) -> str:
    """Search a database of SQLite; one that keeps bytes may be a shelf or a cache of pickles, which is not judged.

    A value longer than a page is scattered over several pages, so that a pickle in it need not be found.
    """
    _read_quiet(scan, part)
    if _keeps_bytes(part.data):
        unjudged(scan, "sqlite-blobs", part.where)
        return "sqlite-blobs"
    return "table"


def _keeps_bytes(data: memoryview) -> bool:
    """Return True if a statement that makes a table, wherever it stands, has a column of bytes."""
    return any(_makes_blobs(data[begin:end]) for begin, end in solid(data))


def _makes_blobs(data: memoryview) -> bool:
    behind = b""
    for begin in range(0, len(data), CHUNK):
        text = behind + bytes(data[begin : begin + CHUNK]).lower()
        start = begin - len(behind)
        at = text.find(b"create")
        while at >= 0:
            statement = _TABLE.match(data, start + at)
            if statement is not None and _BLOBS.search(statement.group()) is not None:
                return True
            at = text.find(b"create", at + 1 if statement is None else max(at + 1, statement.end() - start))
        behind = text[-5:]
    return False


_TABLE = re.compile(rb"CREATE\s++TABLE[^;\0]*+", re.IGNORECASE)
_BLOBS = re.compile(rb"\b(?:BLOB|PICKLE)\b", re.IGNORECASE)
_SCHEMA = re.compile(rb"ARROW:schema[^A-Za-z0-9+/]*+.?[^A-Za-z0-9+/]*+([A-Za-z0-9+/]{16,}+)", re.DOTALL)
_EXTENSION = b"arrow.py_extension_type"
_PICKLED_TYPE = re.compile(
    b"|".join(
        re.escape(text)
        for text in (
            _EXTENSION,
            *(base64.b64encode(bytes(skip) + _EXTENSION)[2 * skip and 4 : -4] for skip in range(3)),
        )
    )
)
"""The name of a pickled type, as it stands and in base64, which may begin at any of three places in it."""


def _starts(prefixes: tuple[bytes, ...]) -> Callable[[bytes, memoryview], bool]:
    return lambda head, _data: head.startswith(prefixes)


SAFETENSORS = Format("safetensors", _is_safetensors, _read_safetensors)
FORMATS = (
    *(Format(name, _starts(prefixes), _read_quiet) for name, prefixes in _MAGIC),
    Format("table", _starts((b"PAR1", b"ARROW1", b"FEA1", b"PARE")), _read_arrow),
    Format("table", _is_arrow_stream, _read_arrow),
    Format("python-bytecode", _is_bytecode, _read_bytecode),
    Format("table", _starts((b"SQLite format 3\0",)), _read_sqlite),
)
