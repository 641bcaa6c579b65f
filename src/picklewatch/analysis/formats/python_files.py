"""Python source and scripts: code that hubs' clients import, torch.hub runs and people start, whatever it is called.

transformers imports what an ``auto_map`` names (dynamic_module_utils.py), torch.hub executes ``hubconf.py`` and all
that it imports (hub.py), TorchServe and inference endpoints a handler. So no code is ever `skipped`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.spelling import in_utf8
from picklewatch.analysis.python.call_arguments import ATTACK
from picklewatch.analysis.python.call_arguments import CODE_RULE as CODE
from picklewatch.analysis.python.code_judge import UNREAD, judge_source
from picklewatch.analysis.python.decoding import decode
from picklewatch.analysis.python.nature import first_sign, is_code
from picklewatch.analysis.python.reading import read
from picklewatch.analysis.script_source import script_kind
from picklewatch.analysis.sparse import before_hole
from picklewatch.catalogue.python_acts import ATTACK_SCRIPT
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.python.reading import PythonSource

SCRIPT, SCRIPT_ATTACK = "script-code", "script-attack"
"""The rules of scripts; those of Python are the judgement's."""
_EVIDENCE = 300
"""Bytes of a command that are shown."""
_BREAK = re.compile(rb"\r\n?|\n")
_SHOWN = 20
"""Calls that are shown of what a source does only if it is asked to."""
LARGEST = 16 << 20
"""Bytes that are read at a time."""
_LINE = 1 << 10
"""Bytes before a sign in which its line begins."""
_LETTERS = 64
"""Letters that are searched for a sign of code in the time of one unit of work."""


def judge_code(scan: Scan, part: Part, *, text: bool) -> str | None:
    """Judge *part*, a *text* or other bytes, if it is code, and return the name of its format."""
    data = before_hole(part.data)
    part = part._replace(data=in_utf8(data) if text else data)
    return _python(scan, part, text=text) or (_script(scan, part) if text else None)


def _python(scan: Scan, part: Part, *, text: bool) -> str | None:
    for begin, window in _windows(scan, part.data, text=text):
        decoded = decode(bytes(window))
        source = read(decoded.text, scan.budget.charge, strictly=not text)
        cut = len(window) < len(part.data)
        if not is_code(source) and not decoded.hides and (text or not cut or source.is_prose):
            continue
        bounded = "it is longer than what is read" if cut else source.bounded
        if decoded.hides:
            summary = f"The file declares the encoding {decoded.hides}, which makes code of what looks like comments."
            scan.finding(ATTACK, Level.MALICIOUS, part.where, summary)
        scan.code_bearing = True
        acts = _judge(scan, part._replace(data=window), begin, source)
        summary = "The file is Python: whatever imports or runs it does all that it says."
        scan.finding(CODE, Level.UNVERIFIED, part.where, summary, acts)
        if bounded:
            scan.finding(UNREAD, Level.UNSCANNABLE, part.where, f"Not all of the Python was read: {bounded}.")
            scan.complete = False
        return "python"
    return None


def _windows(scan: Scan, data: memoryview, *, text: bool) -> Iterator[tuple[int, memoryview]]:
    """Yield *data* if it may be code; of what is larger than `LARGEST` the pieces that begin at a sign of code.

    What is no text is code only from its first byte on.
    """
    scan.budget.charge(1 + len(data) // _LETTERS)
    if len(data) <= LARGEST or not text:
        if first_sign(data[:LARGEST]) >= 0:
            yield 0, data[:LARGEST]
        return
    at = first_sign(data)
    while at >= 0:
        line = at - len(bytes(data[max(at - _LINE, 0) : at]).rpartition(b"\n")[2])
        yield line, data[line : line + LARGEST]
        at = first_sign(data, line + LARGEST)


def _judge(scan: Scan, part: Part, begin: int, source: PythonSource) -> str:
    """Report the harm that *source* does, and return what it does only if it is asked to."""
    found = judge_source(source, scan.budget.charge)
    ends = [0, *(match.end() for match in _BREAK.finditer(part.data))] if found else []
    others: list[str] = []
    for finding in found:
        if finding.rule == CODE:
            others.append(f"line {finding.line}: {finding.evidence}")
            continue
        scan.complete = scan.complete and finding.rule != UNREAD
        summary = f"Line {finding.line}: {finding.summary}"
        at = ends[min(finding.line, len(ends)) - 1]
        scan.finding(finding.rule, finding.level, part.at(begin + at), summary, finding.evidence)
    return "; ".join(others[:_SHOWN])


def _script(scan: Scan, part: Part) -> str | None:
    kind = script_kind(part.data)
    if not kind:
        return None
    scan.code_bearing = True
    scan.finding(SCRIPT, Level.UNVERIFIED, part.where, f"The file is a script for {kind}: whoever starts it runs it.")
    attack = ATTACK_SCRIPT.search(part.data)
    if attack is not None:
        summary = "The script opens a shell to elsewhere, or runs what it decodes or fetches without a file."
        evidence = bytes(attack.group()[:_EVIDENCE]).decode("utf-8", "replace")
        scan.finding(SCRIPT_ATTACK, Level.MALICIOUS, part.at(attack.start()), summary, evidence)
    return "script"
