"""The metadata of GGUF: keys with their values, as far as they are texts (ggml/docs/gguf.md).

``llama_cpp`` renders the chat templates among them (CVE-2024-34359). Only the metadata are read: the file is reported
as ``format-not-judged`` all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from picklewatch.analysis.formats.config_targets import ConfigJudge
from picklewatch.analysis.formats.text_pairs import Met

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part

_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Type of a value → its bytes."""
_TEXT, _ARRAY = 8, 9
_VERSION_1 = 1
"""Its lengths and counts have four bytes, those of later versions eight."""
_PER_ENTRY = 4
_TEMPLATE = b"chat_template"


class _Reader(NamedTuple):
    data: memoryview
    order: Literal["little", "big"]
    width: int

    def number(self, at: int) -> tuple[int, int]:
        """Return a length or count, and the offset behind it."""
        return int.from_bytes(self.data[at : at + self.width], self.order), at + self.width

    def kind(self, at: int) -> tuple[int, int]:
        """Return the type of a value, and the offset behind it."""
        return int.from_bytes(self.data[at : at + 4], self.order), at + 4

    def text(self, at: int) -> tuple[bytes, int]:
        """Return a text and the offset behind it."""
        length, start = self.number(at)
        return bytes(self.data[start : start + length]), start + length


def judge_metadata(scan: Scan, part: Part) -> None:
    """Judge what a loader renders, imports or fetches because of the metadata."""
    configs = ConfigJudge(scan, part)
    for met in _texts(scan, part.data):
        configs.take(met)
    configs.take(Met(0, ends=True))


def _texts(scan: Scan, data: memoryview) -> Iterator[Met]:
    # a version that would be above 65,535 is one of the other byte order (gguf/gguf_reader.py of gguf-py)
    version = int.from_bytes(data[4:8], "little")
    order: Literal["little", "big"] = "little" if version & 0xFFFF or not version else "big"
    reader = _Reader(data, order, 4 if version in (_VERSION_1, _VERSION_1 << 24) else 8)
    _, at = reader.number(8)
    entries, at = reader.number(at)
    while entries > 0 and at < len(data):
        entries -= 1
        scan.budget.charge(_PER_ENTRY)
        key, at = reader.text(at)
        kind, at = reader.kind(at)
        if kind == _TEXT:
            value, at = reader.text(at)
            named = _TEMPLATE if _TEMPLATE in key else key  # tokenizer.chat_template.tool_use
            yield Met(at, key=named, value=value, quoted=True)
        elif kind == _ARRAY:
            at = _behind_array(scan, reader, at)
        else:
            at += _SIZES.get(kind, len(data))


def _behind_array(scan: Scan, reader: _Reader, at: int) -> int:
    """Return the offset behind an array; arrays of arrays are not written."""
    size = len(reader.data)
    kind, at = reader.kind(at)
    count, at = reader.number(at)
    if kind != _TEXT:
        return at + count * _SIZES.get(kind, size)
    for done in range(count):
        if at >= size:
            break
        if done % _PER_CHARGE == 0:
            scan.budget.charge(_PER_CHARGE)
        length, at = reader.number(at)
        at += length
    return at


_PER_CHARGE = 1 << 10
