"""Merge the lines of several runs and versions: for each name the worst of everything that was read counts."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from census.hooks import DESCRIPTOR, HOOKS, METACLASS, ONLY_RECORDED, SETSTATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BY_HAND = Path(__file__).with_name("by_hand.jsonl")
"""Lines about what no tool can read, each with its reason; part of every table."""
ORDER = ("function", "enum", "passive", "active")
"""Kinds, from the best to the worst: what is an enumeration in one version and a class in another is a class."""
_BASES = ("native", "BaseException", "type")
"""Layouts that count where versions disagree, the first that one of them has; else the other than ``object``."""


@dataclass
class Merged:
    """All that any version says of one name."""

    kinds: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)
    slots: bool = False
    acts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def profile(self) -> tuple[str, str, bool, tuple[tuple[str, tuple[str, ...]], ...]]:
        """Return kind, base, slots and acts, hashable and in order."""
        acts = tuple((hook, tuple(sorted(names))) for hook, names in sorted(self.acts.items()) if names)
        kind = max(self.kinds, key=ORDER.index)
        if len(self.kinds) > 1 or (kind == "passive" and acts):
            kind = "active" if acts else "passive"
        return kind, _base(self.bases), self.slots, acts


def _base(bases: set[str]) -> str:
    if len(bases) == 1:
        return next(iter(bases))
    worst = [base for base in _BASES if base in bases]
    return worst[0] if worst else min(bases - {"object"})


def split(name: str) -> tuple[str, str]:
    """Return the two names by which a pickle imports *name*: a colon stands before a nested class."""
    if ":" in name:
        module, _, qualified = name.partition(":")
        return module, qualified
    module, _, last = name.rpartition(".")
    return module, last


def by_hand() -> list[dict[str, Any]]:
    """Return the lines about what no tool can read."""
    return [json.loads(text) for text in BY_HAND.read_text(encoding="utf-8").splitlines()]


def sorted_out(
    lines: Iterable[dict[str, Any]],
) -> tuple[list[dict[str, Any]], dict[str, set[str]], list[dict[str, Any]]]:
    """Return the classes, what each function does in any of the runs, and the kept functions."""
    classes: list[dict[str, Any]] = []
    does: dict[str, set[str]] = defaultdict(set)
    kept: list[dict[str, Any]] = []
    for line in lines:
        if "class" in line:
            classes.append(line)
        elif "function" in line:
            does[line["function"]].add(line["does"])
        elif "kept" in line:
            kept.append(line)
    return classes, does, kept


def merge(
    classes: Iterable[dict[str, Any]],
    does: dict[str, set[str]],
    kept: Iterable[dict[str, Any]],
    denied: Callable[[str, str], bool] = lambda _module, _name: False,
) -> dict[tuple[str, str], Merged]:
    """Return what is known of each name, of a class or of a function that models keep.

    A class that is *denied* by its own name has no other one either: the lists know one spelling.
    """
    table: dict[tuple[str, str], Merged] = defaultdict(Merged)
    for line in classes:
        acts = _acts(line, does)
        own = own_names(line)
        if "<" not in line["class"]:
            own.append(line["class"])  # picklers write it, also where its module was imported but not walked
        if any(denied(*split(name)) for name in (*own, line["class"])):
            continue
        for name in own:
            one = table[split(name)]
            one.kinds.add("active" if line["kind"] == "passive" and acts else line["kind"])
            one.bases.add(line["base"])
            one.slots |= line["slots"]
            for hook, names in acts.items():
                one.acts[hook] |= names
    for line in kept:
        for name in line["names"]:
            one = table[split(name)]
            one.kinds.add("function")
            one.bases.add("object")
    for key in [key for key, one in table.items() if "function" in one.kinds and len(one.kinds) > 1]:
        table[key].kinds.discard("function")  # a class in one version: it is judged as one
    return table


def own_names(line: dict[str, Any]) -> list[str]:
    """Return the names of a class that are its own library's."""
    return [name for name in line["names"] if _is_own(split(name), split(name if ":" in name else line["class"]))]


def _is_own(name: tuple[str, str], own: tuple[str, str]) -> bool:
    """Return True for the name that picklers write, and for one that a package above gives the class.

    What another module borrowed is not listed: checks that know a class by its module would not know it there.
    """
    return name[0] == own[0] or own[0].startswith(name[0] + ".") or name[0] in _OWN_ELSEWHERE


_OWN_ELSEWHERE = frozenset(
    {"pandas.arrays", "pandas.core.index", "gensim.models.word2vec", "gensim.models.wrappers.fasttext"}
)
"""Modules that picklers of another version write: the class was, or will be, defined there."""


def _acts(line: dict[str, Any], does: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return hook → acting functions of one class.

    A line of the text census lists the hooks alone; a function that acts in another version acts here as well: the
    installed one is not known.
    """
    acts: dict[str, set[str]] = defaultdict(set)
    listed = line["acts"]
    for hook in listed:
        functions = listed[hook] if isinstance(listed, dict) else [line["hooks"][hook]]
        acts[_published(hook, line["hooks"])] |= {_shown(one, hook, line, does) for one in functions}
    for hook, function in line["hooks"].items():
        if hook not in ONLY_RECORDED and hook in _FOLLOWED and does.get(function, set()) - {"stores"}:
            acts[_published(hook, line["hooks"])].add(_shown(function, hook, line, does))
    return {hook: names for hook, names in acts.items() if hook}


def _shown(function: str, hook: str, line: dict[str, Any], does: dict[str, set[str]]) -> str:
    """Return the name under which the table has *function*, which acts when *hook* runs.

    A hook that sets attributes through its own class's ``__setattr__`` is one reading: `Module.__setstate__` was read
    with `Module.__setattr__`. No schema is written for a compiled descriptor, so that these need no names.
    """
    first = line["hooks"].get(hook, "")
    if hook == DESCRIPTOR and does.get(function) == {"native"}:
        return "native.descriptor"
    same = first.rpartition(".")[0] == function.rpartition(".")[0]
    return first if hook in SETSTATE and same else function


_FOLLOWED = frozenset({*HOOKS, DESCRIPTOR, METACLASS})


def _published(hook: str, hooks: dict[str, str]) -> str:
    """Return the name of *hook* in the table: Cython's own is the class's only where it has no other."""
    if hook == SETSTATE[1]:
        return "" if SETSTATE[0] in hooks else SETSTATE[0]
    return hook if hook in _FOLLOWED else ""
