"""Touches and the schemas: which are allowed, and which places of a schema nobody ever touches."""

from __future__ import annotations

import importlib
from collections import Counter
from contextlib import suppress
from itertools import product
from typing import TYPE_CHECKING

from oracle.mutations import STAND_IN_FUNCTION, STAND_IN_OBJECT, Specimen
from oracle.probes import resolved
from oracle.seeds import example
from oracle.stand_ins import NATIVE, OBJECT
from oracle.subject import subject
from oracle.trees import named, new
from picklewatch.catalogue.classes.hook_schema import Content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oracle.stand_ins import Touch
    from oracle.subject import Subject
    from oracle.trial import Trial
    from picklewatch.catalogue.classes.hook_schema import Schema

_CLASSES = 6
"""In so many classes that have a hook a place of its schema is tried at most: that of modules has thousands."""
_STAND_INS = {"object": STAND_IN_OBJECT, "function": STAND_IN_FUNCTION}


def table() -> Mapping[str, Schema]:
    """Return the engine's schemas by the hook function that each is about; nothing for an engine without."""
    try:
        found: Mapping[str, Schema] = importlib.import_module("picklewatch.catalogue.classes.schema_table").SCHEMAS
    except ImportError:
        return {}
    return found


def allowed(touch: Touch, schemas: Mapping[str, Schema]) -> bool:
    """Return True if the hook's schema lets objects of the stand-in's class be where the hook looks.

    The class that the pickle names hashes and compares by identity, which runs nothing: so no key counts.
    """
    if touch.hook == NATIVE and touch.what in {"__hash__", "__eq__"}:
        return True
    schema = schemas.get(touch.hook)
    if schema is None:
        return False
    return any(OBJECT in one.classes for one in (*schema.looks.values(), schema.rest, schema.state, schema.items))


def untouched(trial: Trial, names: Iterable[str], schemas: Mapping[str, Schema]) -> list[str]:
    """Return each attribute of a schema in which no stand-in was touched: the reader may have misread.

    *names* are of classes and functions. *trial* must judge names only: with the rule on, no such pickle is clean.
    """
    waiting = {
        (function, attribute)
        for function, schema in schemas.items()
        for attribute, allowed_there in schema.looks.items()
        if allowed_there.content is not Content.UNSEEN
    }
    tried: Counter[tuple[str, str]] = Counter()
    for name in names:
        cases = list(_cases(name, {place for place in waiting if tried[place] < _CLASSES}, schemas))
        outcomes = trial([one for _, one in cases])
        loaded = [(place, one) for (place, _), one in zip(cases, outcomes, strict=True) if one is not None]
        tried.update({place for place, _ in loaded})
        waiting -= {place for place, outcome in loaded if outcome.touches}
    return [f"{function}: {attribute}" for function, attribute in sorted(waiting & tried.keys())]


def _cases(
    name: str, waiting: set[tuple[str, str]], schemas: Mapping[str, Schema]
) -> Iterator[tuple[tuple[str, str], Subject]]:
    """Yield pickles of the class *name* with a stand-in in an attribute that is still to be touched."""
    cls = resolved(named(name))
    if not isinstance(cls, type):
        return
    looked = [
        (function, attribute)
        for function in sorted(_hooks(cls) & schemas.keys())
        for attribute in schemas[function].looks
        if (function, attribute) in waiting
    ]
    if not looked:
        return
    specimens = [Specimen(name, root) for root in (new(name, {}), example(cls)) if root is not None]
    for place, specimen, what in product(looked, specimens, _STAND_INS):
        with suppress(ValueError, IndexError):  # its state is no dict
            one = specimen.shadow(0, place[1], _STAND_INS[what], what)
            yield place, subject(one.label, one.root)


def _hooks(cls: type) -> set[str]:
    """Return the full names of the methods that *cls* has, inherited ones by the class that defines them."""
    return {f"{base.__module__}.{base.__qualname__}.{name}" for base in cls.__mro__[:-1] for name in vars(base)}
