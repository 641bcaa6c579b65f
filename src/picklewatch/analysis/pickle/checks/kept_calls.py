"""Callables that keep a call for later (``partial``, ``attrgetter``, ``methodcaller``), and ``reduce``.

They are the classic gadgets of restricted unpicklers (``Modules/_functoolsmodule.c``, ``Modules/_operator.c``): what
they keep runs when any harmless function is given them as a key, a factory or a hook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.checks import argument_signs
from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.attribute_access import are_types
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports import denied
from picklewatch.catalogue.imports.classify import otherwise_denied
from picklewatch.catalogue.imports.entries import Check, Kind, Status, Use
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value


def getter(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let ``attrgetter`` and ``methodcaller`` keep only names that do not lead to code."""
    values = values_of(args)
    names = values if callee.name == "attrgetter" else values[:1]
    texts = [name for name in names if isinstance(name, str)]
    context.observations.budget.charge(sum(1 + len(name) // 8 for name in texts))
    parts = [part for name in texts for part in name.split(".")]
    leads = any(part.startswith("_") or part in denied.FUNCTIONS or part in denied.ALIASES for part in parts)
    if leads or not names or len(texts) < len(names) or argument_signs.sign(values, context.observations):
        return Concern("code-execution", Level.MALICIOUS, f"{callee.key} is to fetch what leads to running code")
    return None  # it only keeps the names: what restoring does with it is for the hooks that reach it


def partial(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Check the function and the arguments that ``partial`` keeps."""
    return kept(context.observations, callee, values_of(args))


def kept(observations: Observations, callee: Import, values: tuple[Value, ...]) -> Concern | None:
    """Return the concern about a callable and arguments that are kept for later."""
    if not values:
        return None
    function = values[0]
    if isinstance(function, Import) and otherwise_denied(function.module, function.name) is not None:
        return indirect_call(f"{callee.key} keeps a call of {function.key}")
    if isinstance(function, Import) and function.judged.status is Status.CODE:
        return None
    found = argument_signs.sign(values[1:], observations)
    passive = _is_passive(function)
    if passive and not found:
        return None
    if isinstance(function, Import) and (passive or (_is_of_a_library(function) and not found)):
        return indirect_call(f"{callee.key} keeps a call of {function.key}", Level.UNVERIFIED)
    if isinstance(function, Obj) and function.kind is Kind.CALLABLE and not found:
        return indirect_call(f"{callee.key} keeps a call", Level.UNVERIFIED)
    return indirect_call(f"{callee.key} keeps a call" + (f" with {found}" if found else ""))


def _is_passive(function: Value) -> bool:
    """Return True for a callable that nobody objects to: a partial only keeps it; a hook that reaches it is judged."""
    if isinstance(function, Import):
        return function.judged.status is Status.VOUCHED and Use.REFERENCE in function.judged.uses
    if not isinstance(function, Obj) or _calls_a_method(function):
        return False
    return function.known and function.kind in {Kind.CALLABLE, Kind.OBJECT}


def _calls_a_method(made: Obj) -> bool:
    """Return True for ``methodcaller(…)`` and its like: kept with an object, it runs a method of that when called."""
    return isinstance(made.callee, Import) and made.callee.judged.check is Check.GETTER


def _is_of_a_library(function: Import) -> bool:
    return function.judged.status in {Status.FOREIGN, Status.DOTTED} and function.judged.level in {
        Level.INFO,
        Level.UNVERIFIED,
    }


def reduce(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Let only ``reduce(operator.or_, (int, str))`` pass, the pickled form of a union of types."""
    values = values_of(args)
    joins = bool(values) and isinstance(values[0], Import) and values[0].key in {"operator.or_", "_operator.or_"}
    types = values[1] if len(values) == 2 else None
    if joins and isinstance(types, tuple) and are_types(types, context.observations.budget):
        return None
    return indirect_call(f"{callee.key} calls what it is handed")


def _state_of_others(callee: Import, values: tuple[Value, ...]) -> Concern | None:
    """Return the concern about a state that no partial writes: ``(function, arguments, keywords, attributes)``."""
    exact = len(values) == _PARTS and isinstance(values[1], tuple)
    if exact and all(value is None or isinstance(value, dict) for value in values[2:]):
        return None
    return indirect_call(f"{callee.key} is given a state that no pickler writes")


_PARTS = 4
"""Parts of a partial's state."""


def partial_state(observations: Observations, target: Obj, state: Value, offset: int) -> None:
    """Check the function and the arguments that ``partial.__setstate__`` puts in the place of those kept before.

    It copies a subclass of tuple or dict, whose own methods that runs, and makes any last part its ``__dict__``.
    """
    if isinstance(target.callee, Import) and target.callee.name == "partial":
        values = state if isinstance(state, tuple) else (None,)
        concern = kept(observations, target.callee, values) or _state_of_others(target.callee, values)
        if concern is not None:
            observations.note(
                target.callee, concern, offset, lambda: f"{render(target)}.__setstate__({render(state, 200)})"
            )
            target.known = False
