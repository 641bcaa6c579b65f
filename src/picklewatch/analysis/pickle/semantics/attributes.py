"""What BUILD's state names: attributes, however the mapping that holds them is spelt.

The unpickler sets ``__dict__`` from any subclass of dict, and ``dict.update``, as most ``__setstate__`` have it, takes
any mapping and any pairs as well. What cannot be read as a plain dict is told, never taken for empty.
"""

from __future__ import annotations

import re
from typing import Any

from picklewatch.analysis.pickle.vm.values import Blob, Import, Obj, Opaque, OpaqueKind, Persistent
from picklewatch.catalogue.imports.entries import Check, Kind

COMPUTED = (Obj, Opaque, Blob, Persistent)
"""What a text may be that was made by a call."""

_RUNS_ATTRIBUTES = re.compile(r"(scipy\.stats|statsmodels\.base\.data|sklearn_crfsuite|lightgbm|xgboost|catboost)\b")
"""Modules with classes that run, or free, what one of their attributes says: see `checks.build_state`."""


def split(state: Any) -> tuple[Any, ...]:
    """The ``__dict__`` state, and the slots' if there is one; pairs of names and values made a dict."""
    pair = 2
    slotted = isinstance(state, tuple) and len(state) == pair and not _are_pairs(state)
    return tuple(_as_dict(part) for part in (state if slotted else (state,)))


def obscure(target: Obj, state: Any) -> bool:
    """Whether *state* may name attributes that are run in a way that is none of a pickler's.

    ``dict.update`` takes the two keys of a dict for a name and a value, as it takes any pair.
    """
    if not isinstance(state, tuple | list) or not _runs_attributes(target) or _are_pairs(state):
        return False
    pair = 2
    old = len(state) == pair and isinstance(state[0], dict) and (state[1] is None or _generator(state[1]))
    return len(state) > 0 and not old


def _runs_attributes(target: Obj) -> bool:
    return isinstance(target.callee, Import) and _RUNS_ATTRIBUTES.match(target.callee.module) is not None


def hidden(target: Obj, part: Any) -> bool:
    """Whether *part* may name attributes for *target* that cannot be seen."""
    if _are_pairs(part):
        return True
    if not isinstance(part, Obj | Opaque):
        return False
    if _runs_attributes(target):
        return not _generator(part)
    if isinstance(part, Opaque):
        return part.kind in {OpaqueKind.SET, OpaqueKind.FROZENSET}
    if part.kind is Kind.UNKNOWN:
        return target.known
    return part.kind in {Kind.DICT, Kind.LIST, Kind.CALLABLE} or (
        part.kind is Kind.ATOM and isinstance(part.callee, Import) and part.callee.name == "tuple"
    )


def _generator(part: Any) -> bool:
    """Whether *part* is numpy's random generator, which old distributions keep beside their attributes."""
    return (
        isinstance(part, Obj)
        and part.known
        and isinstance(part.callee, Import)
        and part.callee.judged.check is Check.NP_RANDOM
    )


def _are_pairs(state: Any) -> bool:
    pair = 2
    return (
        isinstance(state, list | tuple)
        and len(state) > 0
        and all(isinstance(item, tuple | list) and len(item) == pair and _may_be_text(item[0]) for item in state)
    )


def _may_be_text(value: Any) -> bool:
    """Whether *value* is a text, or may come out as one: an array or another object of a known class does not."""
    if isinstance(value, Obj):
        return value.kind in {Kind.ATOM, Kind.UNKNOWN, Kind.CALLABLE, Kind.CODE}
    return isinstance(value, str | Blob | Persistent)


def _as_dict(state: Any) -> Any:
    if _are_pairs(state) and all(type(item[0]) is str for item in state):
        return {item[0]: item[1] for item in state}
    if isinstance(state, Obj) and state.kind is Kind.DICT and state.known and not state.args and state.state is None:
        return {} if state.items is None else state.items  # an OrderedDict or the like, filled by SETITEM
    return state
