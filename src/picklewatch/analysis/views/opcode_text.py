"""Opcodes as a person reads them: their names, and their arguments as they stand in the file."""

from __future__ import annotations

import pickletools
import struct
from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.vm.opcodes import opcode_end
from picklewatch.analysis.views.value_text import TEXT, clip, constant, excerpt

if TYPE_CHECKING:
    from picklewatch.analysis.pickle import Buffer

OPCODES: Final = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
"""By their byte, protocols 0 to 5."""
_LINE: Final = 4096
"""Bytes of a line that are looked at."""
_COUNTS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
"""Bytes of the length before an argument."""
_EXACT: Final = 32
"""Bytes of a number that is written in digits."""


def unreadable(data: Buffer, offset: int) -> str:
    """Return why no opcode can be read at *offset*; empty if one can."""
    if offset >= len(data):
        return "the data end without STOP"
    opcode = OPCODES.get(data[offset])
    if opcode is None:
        return f"0x{data[offset]:02x} is not an opcode"
    missing = opcode_end(data, offset, len(data)) - len(data)
    return f"{opcode.name}: the data end {missing} bytes too early" if missing > 0 else ""


def argument(data: Buffer, offset: int, end: int) -> str:
    """Write the argument of the opcode at *offset*, which ends at *end*; empty if it has none."""
    kind, start = OPCODES[data[offset]].arg, offset + 1
    if kind is None:
        return ""
    if kind.n == pickletools.UP_TO_NEWLINE:
        return _line(bytes(data[start : min(end, start + _LINE)]), kind.name, end - start - 1)
    if kind.n < 0:
        return _counted(data, start + _COUNTS[kind.n], end, kind.name)
    if kind.name == "float8":
        return repr(struct.unpack(">d", data[start:end])[0])
    return str(int.from_bytes(data[start:end], "little", signed=kind.name.startswith("int")))


def _counted(data: Buffer, start: int, end: int, kind: str) -> str:
    if not kind.startswith("long"):
        return excerpt(data, start, end, text=kind.startswith("unicodestring"))
    if end - start > _EXACT:
        return f"<number of {end - start} bytes>"
    return str(int.from_bytes(data[start:end], "little", signed=True))


def _line(line: bytes, kind: str, length: int) -> str:
    if kind == "stringnl_noescape_pair":
        return clip(" ".join(line.decode("utf-8", "backslashreplace").splitlines()), 4 * TEXT)
    codec = "raw-unicode-escape" if kind == "unicodestringnl" else "utf-8"
    text = line.removesuffix(b"\n").decode(codec, "backslashreplace")
    return constant(text, length if length > len(line) else 0)
