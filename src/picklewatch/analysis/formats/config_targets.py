"""Keys of YAML, JSON and TOML that a loader acts on: Hydra's ``_target_``, jsonpickle's ``py/…`` and others.

A model's ``.nemo`` or ``.yaml`` that sets ``_target_: os.system`` runs it as soon as the model is instantiated
(CVE-2025-23304 in NeMo). `catalogue.loaders.loader_keys` is the table. A document that every parser of YAML refuses is
prose: its loader gets no configuration out of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from picklewatch.analysis.formats.hidden_pickles import unmistakable
from picklewatch.analysis.loader_acts import MARK, judge_key
from picklewatch.catalogue.loaders.loader_keys import BY_KEY
from picklewatch.catalogue.loaders.loader_names import TARGET
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.formats.context import Scan
    from picklewatch.analysis.formats.part import Part
    from picklewatch.analysis.formats.text_pairs import Met

_KEY = re.compile(rb"(?:[\w.\[\]-]*\.)?([\w/]+)\s*")
"""A key, alone or at the end of a dotted path, as command lines and jsonargparse have it."""
_RESOLVED = "_val"
"""The key of the table under which texts with ``${…}`` are judged: in a text, any value may be one."""


_MARKED = "$import"
"""A key of the table under which texts that begin with a dollar sign are judged."""


class ConfigJudge:
    """Collects the pairs of one document after another, and judges each document at its end."""

    def __init__(self, scan: Scan, part: Part) -> None:
        self._scan = scan
        self._part = part
        self._document = _Document(scan.budget.charge)
        self._reported: set[tuple[str, str]] = set()

    def take(self, met: Met) -> None:
        """Take in a pair, a lone text, or the end of a document."""
        if not met.ends:
            self._document.put(met)
            return
        document, self._document = self._document, _Document(self._scan.budget.charge)
        if met.loads:
            self._judge(document)

    def _judge(self, document: _Document) -> None:
        for scope, key, at in document.acting():
            for verdict, evidence in judge_key(key, scope):
                self._report(verdict.rule, verdict.level, at, verdict.summary, evidence)
            for text in scope.texts(key) if key == "target" else ():
                if unmistakable(text) and not text.startswith("types."):  # those of Python's annotations
                    summary = "The configuration names a function to import and call that can do harm."
                    self._report(TARGET, Level.MALICIOUS, at, summary, text)

    def _report(self, rule: str, level: Level, at: int, summary: str, evidence: str) -> None:
        if level.rank >= Level.UNSAFE.rank:
            self._scan.code_bearing = True
        if (rule, evidence) not in self._reported:
            self._reported.add((rule, evidence))
            self._scan.finding(rule, level, self._part.at(at), summary, evidence)


class _Document:
    """The mappings and lists of one document."""

    def __init__(self, charge: Callable[[int], None]) -> None:
        self.charge = charge
        self.keys: set[str] = set()
        self.all: dict[str, dict[str, None]] = defaultdict(dict)
        """Key → its texts, wherever it stands."""
        self._scopes: dict[int, _Scope] = {}
        self._acting: list[tuple[int, str, int]] = []

    def put(self, met: Met) -> None:
        """Keep a pair or a lone text."""
        found = _KEY.fullmatch(met.key)
        key = (found[1] if found is not None else met.key).decode("utf-8", "replace")
        scope = self.scope(met.scope)
        if met.value is not None:
            text = met.value.decode("utf-8", "replace")
            scope.content[key][text] = None
            if key:
                self.all[key][text] = None
            if text.startswith(MARK) and not text.startswith("${"):
                scope.content[MARK][text] = None
                self._acting.append((met.scope, _MARKED, met.at))
            if "${" in text:
                scope.content[_RESOLVED][text] = None
                self._acting.append((met.scope, _RESOLVED, met.at))
        else:
            scope.opened[key].append(met.opens)
        if key:
            self.keys.add(key)
        if key in BY_KEY:
            self._acting.append((met.scope, key, met.at))

    def acting(self) -> Iterator[tuple[_Scope, str, int]]:
        """Yield each mapping with a key of the table, once for each of its keys."""
        seen: set[tuple[int, str]] = set()
        for number, key, at in self._acting:
            if (number, key) not in seen:
                seen.add((number, key))
                yield self.scope(number), key, at

    def scope(self, number: int) -> _Scope:
        """Return the mapping or list of this number."""
        if number not in self._scopes:
            self._scopes[number] = _Scope(self)
        return self._scopes[number]


class _Scope:
    """A mapping or list of a text: see `picklewatch.analysis.loader_acts.Configuration`.

    Mappings of one list count as one. YAML merges mappings (``<<: *other``), so that a companion may stand anywhere in
    the document, and so may the second half of a name.
    """

    def __init__(self, document: _Document) -> None:
        self._document = document
        self.content: dict[str, dict[str, None]] = defaultdict(dict)
        self.opened: dict[str, list[int]] = defaultdict(list)
        """Key → the numbers of the mappings and lists that are its value."""

    def has(self, key: str) -> bool:
        """Return True if *key* is in the document."""
        return key in self._document.keys

    def here(self, key: str) -> bool:
        """Return True if *key* is in this mapping."""
        return key in self.content or key in self.opened

    def texts(self, key: str) -> list[str]:
        """Return the texts that are the value of *key* here, or, if it is not here, anywhere."""
        here = [*self.content.get(key, ())]
        for inner in self._inside(key):
            here += inner.content.get("", ())
        return here or [*self._document.all.get(key, ())]

    def within(self, key: str) -> Iterator[_Scope]:
        """Yield the mappings that are the value of *key*."""
        yield from self._inside(key)

    def arguments(self) -> list[str]:
        """Return the texts here, and those in the mappings and lists here."""
        found: dict[str, None] = {}
        for scope in (self, *(inner for key in [*self.opened] for inner in self._inside(key))):
            for texts in scope.content.values():
                self._document.charge(len(texts))
                found.update(texts)
        return [*found]

    def lists(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each key whose value is a list, with the texts in it."""
        for key in self.opened:
            for inner in self._inside(key):
                yield key, [*inner.content.get("", ())]

    def cost(self, units: int) -> None:
        """Charge for *units* of work."""
        self._document.charge(units)

    def _inside(self, key: str) -> Iterator[_Scope]:
        for number in self.opened.get(key, ()):
            yield self._document.scope(number)
