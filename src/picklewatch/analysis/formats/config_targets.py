"""Names that a text gives to be imported and called: Hydra's ``_target_`` (NeMo), ``target`` of others, jsonpickle's.

Every such loader imports the module and calls the name with arguments out of the same text, so the name is judged as
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
"""What old versions of jsonpickle import and give to ``eval``: a module, a slash, an expression."""


class Targets:
    """The names that one text gives."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self._scan = scan
        self._part = part
        self._seen: set[tuple[bytes, bool]] = set()

    def judge(self, met: Met) -> None:
        """Note names that are known for harm, and of Hydra's and jsonpickle's also what else the stdlib can do.

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
        """The level of a call of *name*, whatever its arguments are: these are ours.

        What the lists say of the name alone is enough where a call of it makes no difference: nobody but the lists'
        own names is walked, so that the number of names in a text costs little.
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
        said = [finding.level for finding in found if finding.rule != "suspicious-arguments"]
        return max(said, key=lambda level: level.rank, default=Level.INFO)
