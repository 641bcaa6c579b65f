"""Names that a text gives to be imported and called: Hydra's ``_target_`` (NeMo), ``target`` of others, jsonpickle's.

Every such loader imports the module and calls the name with arguments out of the same text, so the name is judged as
a call in a pickle would be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.engine.lists.stdlib import STDLIB
from picklewatch.formats.base import Part
from picklewatch.formats.hidden import unmistakable
from picklewatch.model import Level

if TYPE_CHECKING:
    from picklewatch.formats.base import Scan

_TARGET = re.compile(
    rb"(\b_target_|\btarget|\bpy/(?:type|function|object|class))[\"']?\s{0,20}:(?:\s|!!?\w{0,20}\s|&\w{1,20}\s|[>|][-+]?\s){0,20}"
    rb"[\"']?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)"
)
"""A key and what it names; YAML allows a tag, an anchor and line breaks between."""
_EVALUATED = re.compile(rb"\"py/repr\"\s{0,20}:\s{0,20}\"[\w.]{1,200}/[^\n]{0,300}")
"""What old versions of jsonpickle import and give to ``eval``."""
_LIMIT = 16 << 20
_NAMES = 500


def judge_targets(scan: Scan, part: Part) -> None:
    """Note names that are known for harm, and of Hydra's and jsonpickle's also what else the standard library can do.

    A plain ``target`` occurs elsewhere too, in torch's exports (``_operator.mul``) and in Python's annotations
    (``types.ModuleType``); there only functions that attacks use count.
    """
    evaluated = _EVALUATED.search(part.data[:_LIMIT])
    if evaluated is not None:
        scan.code_bearing = True
        summary = "The text holds Python that a loader evaluates."
        scan.finding(
            "config-target", Level.UNSAFE, part.at(evaluated.start()), summary, evaluated.group().decode("latin-1")
        )
    names: dict[tuple[str, bool], int] = {}
    for match in _TARGET.finditer(part.data[:_LIMIT]):
        names.setdefault((match.group(2).decode("latin-1"), match.group(1) != b"target"), match.start(2))
        if len(names) >= _NAMES:
            break
    for (name, hydra), offset in names.items():
        module, _, attribute = name.rpartition(".")
        call = Part(memoryview(f"\x80\x02c{module}\n{attribute}\n(X\1\0\0\0xtR.".encode("latin-1")), part.at(offset))
        report = scan.trial(call)
        if report is None:
            continue
        said = [
            finding.level for finding in report.findings if finding.rule != "suspicious-arguments"
        ]  # these are ours
        level = max(said, key=lambda level: level.rank, default=Level.INFO)
        if not hydra and (not unmistakable(name) or module == "types"):
            continue
        standard = name.partition(".")[0] in STDLIB
        if level is Level.MALICIOUS or (standard and level is Level.UNSAFE):
            scan.code_bearing = True
            summary = "The configuration names a function to import and call that can do harm."
            scan.finding("config-target", level, part.at(offset), summary, name)
