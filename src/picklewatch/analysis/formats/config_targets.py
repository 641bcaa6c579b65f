"""Names in a text that its loader imports and calls: Hydra's ``_target_``, others' ``target``, jsonpickle's keys.

Mirrors hydra/_internal/instantiate/_instantiate2.py (``instantiate``: import, then call with arguments out of the same
text) and jsonpickle/unpickler.py (``loadclass``, ``_restore_reduce``). A model's ``.nemo`` or ``.yaml`` that sets
``_target_: os.system`` runs it as soon as the model is instantiated (CVE-2025-23304 in NeMo), so a name is judged as
a call in a pickle would be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.hidden_pickles import unmistakable
from picklewatch.analysis.formats.part import Part
from picklewatch.analysis.formats.trials import trial
from picklewatch.catalogue.imports.classify import judge, otherwise_denied
from picklewatch.catalogue.imports.entries import Status
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.text_parts import Met

_KEY = re.compile(rb"(?:.*\W)?(_target_|target|py/(?:type|function|object|class|repr))\s*\Z", re.DOTALL)
_NAME = re.compile(rb"[\s'\"]*([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)")
_EVALUATED = re.compile(rb"\s*[\w.]+/.")
"""A module, a slash and an expression, which old versions of jsonpickle import and give to ``eval``."""


class TargetJudge:
    """The names in one text."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self._scan = scan
        self._part = part
        self._seen: set[tuple[bytes, bool]] = set()

    def judge(self, met: Met) -> None:
        """Report names known for harm and, of Hydra's and jsonpickle's, any unsafe one of the standard library.

        A plain ``target`` occurs elsewhere too, in torch's exports (``_operator.mul``) and in Python's annotations
        (``types.ModuleType``); there only functions that attacks use count.
        """
        key = None if met.value is None else _KEY.match(met.key)
        if key is None or met.value is None:
            return
        if key[1] == b"py/repr":
            self._judge_code(met.at, met.value)
            return
        name = _NAME.match(met.value)
        hydra = key[1] != b"target"
        if name is None or (name[1], hydra) in self._seen:
            return
        self._seen.add((name[1], hydra))
        self._judge_name(met.at, name[1].decode(), hydra=hydra)

    def _judge_code(self, at: int, value: bytes) -> None:
        if _EVALUATED.match(value) is not None:
            self._scan.code_bearing = True
            summary = "The text holds Python that a loader evaluates."
            evidence = value.decode("utf-8", "replace")
            self._scan.finding("config-target", Level.UNSAFE, self._part.at(at), summary, evidence)

    def _judge_name(self, at: int, name: str, *, hydra: bool) -> None:
        module = name.rpartition(".")[0]
        if not hydra and (not unmistakable(name) or module == "types"):
            return
        level = self._level(name, at)
        if level is Level.MALICIOUS or (name.partition(".")[0] in STDLIB and level is Level.UNSAFE):
            self._scan.code_bearing = True
            summary = "The configuration names a function to import and call that can do harm."
            self._scan.finding("config-target", level, self._part.at(at), summary, name)

    def _level(self, name: str, at: int) -> Level:
        """Return the level of a call of *name*; the arguments are ours, so findings about them do not count.

        A walk is made for names that are on the lists only, so that a text of many names costs little: for the others
        the lists' answer for the name alone is the same as for a call.
        """
        module, _, attribute = name.rpartition(".")
        judged = judge(module, attribute)
        if judged.status in (Status.FOREIGN, Status.STDLIB) or judged.level is Level.MALICIOUS:
            return judged.level
        if name.partition(".")[0] not in STDLIB and otherwise_denied(module, attribute) is None:
            return judged.level
        call = Part(memoryview(f"\x80\x02c{module}\n{attribute}\n(X\1\0\0\0xtR.".encode("latin-1")), self._part.at(at))
        report = trial(self._scan, call)
        found = () if report is None else report.findings
        levels = [finding.level for finding in found if finding.rule != "suspicious-arguments"]
        return max(levels, key=lambda level: level.rank, default=Level.INFO)
