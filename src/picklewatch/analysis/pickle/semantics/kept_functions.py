"""Functions that a pickle calls, and keeps besides.

Some functions may be called, as their arguments are judged, but not kept: whoever calls them later hands them
something that nobody saw. One that is never called is reported for that alone; a call must not hide that it is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.semantics.data import CONSTANTS, parts
from picklewatch.analysis.pickle.vm.values import Import
from picklewatch.catalogue.imports.entries import Check, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.vm.values import Value


def find_kept(imports: Iterable[Import], roots: Iterable[Value], budget: Budget) -> None:
    """Mark those of *imports* that are called, act on what they are handed, and lie in a value below *roots*."""
    wanted = {id(one) for one in imports if one.called and _acts(one)}
    if not wanted:
        return
    waiting, opened = [*roots], set[int]()
    while waiting:
        value = waiting.pop()
        if type(value) in CONSTANTS or type(value) is Import or id(value) in opened:
            continue
        opened.add(id(value))
        inside = parts(value)
        budget.charge(1 + len(inside) // 4)
        for one in inside:
            if type(one) is Import:
                one.kept |= id(one) in wanted
            elif type(one) not in CONSTANTS:
                waiting.append(one)


def _acts(imported: Import) -> bool:
    judged = imported.judged
    return judged.status is Status.VOUCHED and judged.level is not Level.INFO and judged.check in _ACTING


_ACTING = frozenset(
    {Check.LOAD_FROM_BYTES, Check.TORCH_FROM_TYPE, Check.INDEX_CLASS, Check.RECONSTRUCTOR, Check.NEWOBJ}
    | {Check.PARTIAL, Check.GETATTR, Check.GETITEM, Check.GETTER, Check.SETATTR, Check.REDUCE, Check.ITERATOR}
    | {Check.UFUNC, Check.UNIT_CLASS}
)
"""Checks of functions that unpickle, call, fetch, change or walk over what they are handed."""
