"""Texts: JSON, YAML, CSV, markdown, source code. A pickle spelt in text is judged before they come here."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from picklewatch.formats.encoded import search_headers
from picklewatch.formats.spelling import understood
from picklewatch.formats.targets import judge_targets
from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.formats.base import Part, Scan

SAMPLE = 1 << 16
"""Bytes at the start and at the end of a content by which it counts as text."""

_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_SEARCHED = 64 << 20
_STANDARD = b"tag:yaml.org,2002:"
_CALL = re.compile(
    rb"tag:yaml\.org,2002:python/(?:object/(?:apply|new):|module:|object:(?:os|subprocess|builtins|posix)\b)"
)
_ANY = re.compile(rb"!<([^>\n]{1,300})>|(!(?:[\w-]{0,80}!)?)([^\s,\[\]{}!<>]{1,300})")
_PYTHON = re.compile(rb"!<(tag:[^>\n]{1,300})>|(!!)((?:p|%70)[^\s,\[\]{}!<>]{1,300})")
"""A tag as it stands, or its handle and the rest; those that may be Python's where no handle was declared."""
_BREAK = re.compile(rb"[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9]")
"""What ends a line of YAML."""
_DIRECTIVE = re.compile(
    rb"(?:\A|[\r\n]|\xc2\x85|\xe2\x80[\xa8\xa9])(?:\xef\xbb\xbf)?%TAG[ \t]+(!(?:[\w-]{0,80}!)?)[ \t]+(\S{1,300})"
)
_DIRECTIVES = 1_000
_LINE = 300


def is_text(data: memoryview) -> bool:
    """Whether the start and the end of *data* are UTF-8 (or UTF-16 by its mark) without control characters."""
    head = bytes(data[:SAMPLE])
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _decodes(head, "utf-16")
    tail = bytes(data[-SAMPLE:]) if len(data) > SAMPLE else b""
    return all(_CONTROL.search(part) is None and _decodes(part, "utf-8") for part in (head, tail))


def _decodes(part: bytes, encoding: str) -> bool:
    """Whether *part* decodes, a character cut off at either end aside."""
    for begin in range(4):
        try:
            part[begin:].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start + begin >= len(part) - 4 and error.start > 0:
                return True
            if error.start:
                return False
            continue
        return True
    return False


def judge_text(scan: Scan, part: Part) -> None:
    """Judge what a loader takes out of a text: pickles in base64, YAML's Python objects."""
    part = part._replace(data=understood(part.data[:_SEARCHED]))
    search_headers(scan, part)
    _yaml(scan, part)
    judge_targets(scan, part)


def _yaml(scan: Scan, part: Part) -> None:
    """Note tags that make an unsafe loader of YAML call or import; `!!python/tuple` and the like are data."""
    declared = {(match[1], unquote_to_bytes(match[2])) for match in islice(_DIRECTIVE.finditer(part.data), _DIRECTIVES)}
    handles = {(b"!!", _STANDARD), *declared}
    for match in (_ANY if declared else _PYTHON).finditer(part.data):
        tags = [match[1]] if match[1] is not None else [start + match[3] for name, start in handles if name == match[2]]
        call = next(filter(None, (_CALL.match(unquote_to_bytes(tag)) for tag in tags)), None)
        before = _BREAK.split(part.data[max(0, match.start() - _LINE) : match.start()])[-1].lstrip()
        if call is not None and not before.startswith(b"#"):
            scan.code_bearing = True
            summary = "The YAML names a Python object to call or import, which an unsafe loader does."
            evidence = match.group().decode("latin-1")
            scan.finding("yaml-python-object", Level.UNSAFE, part.at(match.start()), summary, evidence)
            return
