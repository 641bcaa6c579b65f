"""skops: a zip whose ``schema.json`` names the types to build and the functions to find (skops/io/_audit.py)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from picklewatch.formats.base import Part, Scan, worst
from picklewatch.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[A-Za-z_][\w.]{0,200}")
_LIMIT = 64 << 20
_NAMES = 2_000


def judge_schema(scan: Scan, part: Part) -> None:
    """Judge the names that a loader which trusts the file would import."""
    try:
        schema = json.loads(bytes(part.data[:_LIMIT]))
    except (ValueError, RecursionError):
        scan.finding("malformed-skops", Level.UNSCANNABLE, part.where, "The schema is not JSON.")
        return
    names = dict.fromkeys(name for name in _names(schema) if _NAME.fullmatch(name[0]) and _NAME.fullmatch(name[1]))
    for module, name in list(names)[:_NAMES]:
        reference = Part(memoryview(f"\x80\x02c{module}\n{name}\n.".encode("latin-1", "replace")), part.where)
        report = scan.trial(reference)
        if report is not None and worst(report.findings).rank >= Level.UNSAFE.rank:
            scan.add(report.findings)


def _names(value: Any) -> Iterator[tuple[str, str]]:
    """Module and name of every node."""
    left = [value]
    while left:
        node = left.pop()
        if isinstance(node, list):
            left.extend(node)
        elif isinstance(node, dict):
            left.extend(node.values())
            for module, name in (("__module__", "__class__"), ("module_path", "function"), ("module_path", "class")):
                if isinstance(node.get(module), str) and isinstance(node.get(name), str):
                    yield node[module], node[name]
