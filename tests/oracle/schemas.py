"""What the schemas say of touches: which are allowed, and which places of a schema nobody ever touches."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

from oracle.mutations import STAND_IN_FUNCTION, STAND_IN_OBJECT, Specimen
from oracle.seeds import example
from oracle.stand_ins import NATIVE, OBJECT
from oracle.subject import subject
from oracle.trees import new

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from oracle.stand_ins import Touch
    from oracle.subject import Subject
    from oracle.trial import Trial
    from picklewatch.catalogue.classes.hook_schema import Schema


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


def untouched(trial: Trial, classes: Iterable[str], schemas: Mapping[str, Schema]) -> list[str]:
    """Return each attribute of a schema in which no stand-in was touched: the reader may have misread.

    *trial* must judge names only: with the rule on, none of these pickles is clean.
    """
    waiting = {(function, attribute) for function, schema in schemas.items() for attribute in schema.looks}
    tried: set[tuple[str, str]] = set()
    for name in classes:
        cases = list(_cases(name, waiting, schemas))
        for (key, _), outcome in zip(cases, trial([one for _, one in cases]), strict=True):
            if outcome is not None:
                tried.add(key)
                if outcome.touches:
                    waiting.discard(key)
    return [f"{function}: {attribute}" for function, attribute in sorted(waiting & tried)]


def _cases(
    name: str, waiting: set[tuple[str, str]], schemas: Mapping[str, Schema]
) -> Iterator[tuple[tuple[str, str], Subject]]:
    """Yield pickles of the class *name* with a stand-in in an attribute that is still to be touched."""
    module, _, attribute = name.rpartition(".")
    cls = getattr(sys.modules.get(module), attribute, None)
    if not isinstance(cls, type):
        return
    for function in sorted(_hooks(cls) & schemas.keys()):
        looked = [attribute for attribute in schemas[function].looks if (function, attribute) in waiting]
        real = example(cls) if looked else None
        specimens = [Specimen(name, root) for root in (new(name, {}), real) if root is not None]
        for attribute in looked:
            for specimen in specimens:
                for what, value in (("object", STAND_IN_OBJECT), ("function", STAND_IN_FUNCTION)):
                    try:
                        one = specimen.shadow(0, attribute, value, what)
                    except (ValueError, IndexError):
                        continue
                    yield (function, attribute), subject(one.label, one.root)


def _hooks(cls: type) -> set[str]:
    """Return the full names of the methods that *cls* has, inherited ones by the class that defines them."""
    return {f"{base.__module__}.{base.__qualname__}.{name}" for base in cls.__mro__[:-1] for name in vars(base)}
