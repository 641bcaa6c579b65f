"""skops: a zip whose ``schema.json`` names the types to build and the functions to find.

Mirrors skops/io/_audit.py (``get_tree``, the keys of each node). A loader that trusts the file's types imports these
names and calls some (CVE-2024-37065), so each is judged as a pickle's import would be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.context import Scan, worst
from picklewatch.analysis.formats.json_objects import nodes
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.formats.spelling import in_utf8
from picklewatch.analysis.formats.trials import trial
from picklewatch.catalogue.imports.classify import judge
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.json_objects import Node

_NAME = re.compile(r"[^\W\d][\w.]*")
_NODE = 20
"""Units of work of one dictionary."""
_PAIRS = ((b"__module__", b"__class__"), (b"module_path", b"function"), (b"module_path", b"class"))


def judge_schema(scan: Scan, part: Part) -> None:
    """Judge the names that a loader would import if it trusts the file."""
    known: set[tuple[str, str]] = set()
    broken = True
    for node in nodes(in_utf8(part.data)):
        scan.budget.charge(_NODE)
        broken = node.broken
        for pair in _names(node):
            if pair not in known and all(map(_NAME.fullmatch, pair)):
                known.add(pair)
                _judge(scan, part, *pair)
    if broken:
        scan.finding("malformed-skops", Level.UNSCANNABLE, part.where, "The schema is not JSON.")


def _judge(scan: Scan, part: Part, module: str, name: str) -> None:
    if judge(module, name).level.rank < Level.UNSAFE.rank:
        return
    reference = b"\x80\x02c%s\n%s\n." % (module.encode("utf-8", "replace"), name.encode("utf-8", "replace"))
    report = trial(scan, Part(memoryview(reference), part.where))
    if report is not None and worst(report.findings).rank >= Level.UNSAFE.rank:
        scan.add(report.findings)


def _names(node: Node) -> Iterator[tuple[str, str]]:
    """Yield modules and names of a node; of two equal keys the last counts, as for `json.loads`."""
    for pair in _PAIRS:
        module, name = (next(reversed(node.texts(key)), b"").decode("utf-8", "replace") for key in pair)
        yield module, name
