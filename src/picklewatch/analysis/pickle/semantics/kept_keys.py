"""Keys in dictionaries and attributes that a loader acts on once the pickle is loaded.

A checkpoint is plain data to the unpickler, and its loader then imports what ``_target_`` names or executes the text
``cfg`` (Lightning's CVE-2026-58659). `catalogue.loaders.loader_keys` is the table. Only dictionaries with such a key
are looked at, once each, at the end of the walk: until then the pickle may fill them further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.loader_acts import judge_key
from picklewatch.analysis.pickle.render import cut
from picklewatch.analysis.pickle.semantics.data import parts, written_in
from picklewatch.analysis.pickle.semantics.plain_mappings import Mapping, text_of
from picklewatch.analysis.pickle.vm.values import DICT_CAP, Blob, Obj
from picklewatch.catalogue.loaders.loader_keys import TELLING, WATCHED
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value

_PER_DICT = 20
"""Units of work that judging one dictionary costs before its values."""
_RESOLVED = "_val"
"""The key of the table under which a text is judged that OmegaConf resolves."""
_ACTING = (str, Blob, dict, list, tuple, Obj)
"""Types of values that a loader may act on; numbers are none."""


class KeptKeys:
    """The dictionaries of one walk that have a key of the table."""

    def __init__(self, observations: Observations) -> None:
        self._observations = observations
        self._charge = observations.budget.charge
        self._met: dict[int, tuple[dict[Key, Value], int]] = {}
        """By identity: the dictionaries, and where such a key was put in."""
        self._beyond: dict[int, dict[Key, Value]] = {}
        """By identity: keys of the table that a dictionary does not hold by themselves, see `DICT_CAP`."""
        self._reported: set[tuple[str, str]] = set()

    def put(self, target: dict[Key, Value], items: list[Value], offset: int) -> None:
        """Note *target* if one of the keys among *items* is one of the table."""
        wanted = TELLING if len(target) < DICT_CAP else WATCHED
        for number in range(0, len(items) - 1, 2):
            key, value = items[number], items[number + 1]
            if type(key) is str and key in wanted and isinstance(value, _ACTING):
                self._note(target, key, value, offset)

    def resolved(self, items: list[Value], offset: int) -> None:
        """Note texts among *items* that OmegaConf would resolve, which loaders make of plain dictionaries."""
        for text in [item for item in items if type(item) is str and "${" in item]:
            self._charge(_PER_DICT)
            self._met[id(text)] = {_RESOLVED: text}, offset

    def computed(self, target: dict[Key, Value], key: Value, value: Value, offset: int) -> None:
        """Note *target* if *key*, a text that a call makes, is one of the table: ``numpy.str_('_target_')``."""
        text = text_of(key)
        if text is not None and text in WATCHED:
            self._note(target, text, value, offset)

    def _made(self, args: Value, offset: int) -> None:
        """Note the mapping that a call makes of *args*, which hold its pairs: ``OrderedDict([(…, …)])``."""
        for value in args if isinstance(args, tuple) else ():
            if isinstance(value, Obj):
                self._made_of(value, offset)
            if not isinstance(value, list | tuple):
                continue
            self._charge(len(value))
            made: dict[Key, Value] = {}
            for pair in value:
                if isinstance(pair, list | tuple) and len(pair) == 2:
                    text = text_of(pair[0])
                    if text is not None and text in WATCHED:
                        made[text] = pair[1]
            if not TELLING.isdisjoint(made):
                self._met[id(made)] = made, offset

    def _made_of(self, source: Obj, offset: int) -> None:
        """Report a mapping of what another call makes, such as ``zip``, if a key of the table lies in that."""
        waiting: list[Value] = [source]
        seen: set[int] = set()
        while waiting:
            value = waiting.pop()
            if id(value) in seen:
                continue
            seen.add(id(value))
            if type(value) is str and value in TELLING:
                summary = "A mapping that a call makes holds a key that a loader acts on: its value can't be told."
                self._observations.once("config-target", Level.UNVERIFIED, offset, summary, value)
                return
            inside = parts(value) if isinstance(value, Obj) else written_in(value)  # walking over a dict gives its keys
            self._charge(1 + len(inside))
            waiting += inside

    def _note(self, target: dict[Key, Value], key: str, value: Value, offset: int) -> None:
        self._charge(1)
        if key not in target:
            self._beyond.setdefault(id(target), {})[key] = value
        self._met.setdefault(id(target), (target, offset))

    def finish(self) -> None:
        """Judge the dictionaries that were noted, as they are in the end."""
        for args, at in self._observations.mappings:
            self._made(args, at)
        for number, (target, offset) in self._met.items():
            self._charge(_PER_DICT)
            beyond = self._beyond.get(number)
            held = Mapping({**target, **beyond} if beyond else target, self._charge)
            for key in TELLING.intersection(held.content):
                for verdict, evidence in judge_key(key, held):
                    if (verdict.summary, evidence) not in self._reported:
                        self._reported.add((verdict.summary, evidence))
                        self._observations.finding(
                            verdict.rule, verdict.level, offset, verdict.summary, cut(evidence, 400)
                        )
        self._met.clear()
