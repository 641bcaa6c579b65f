"""SETITEM, APPEND and ADDITEMS on an object: where the items go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.semantics.restored_objects import judged_as
from picklewatch.catalogue.classes.natives import CONTAINERS
from picklewatch.catalogue.classes.profiles import Hook
from picklewatch.catalogue.classes.schema_table import SCHEMAS

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Obj

SETS_ITEM: Final = (Hook.SETITEM,)
APPENDS: Final = (Hook.EXTEND, Hook.APPEND)
ADDS: Final = (Hook.ADD,)
_LAYOUTS = {SETS_ITEM: "dict", APPENDS: "list", ADDS: "set"}


def goes_elsewhere(target: Obj, hooks: tuple[Hook, ...]) -> bool:
    """Return True if what fills *target* by one of *hooks* may go anywhere: into what an attribute holds.

    Picklers fill containers. Any other class puts its items where its own method says, unless somebody read that; one
    without such a method has CPython ask a key for its ``__index__``.
    """
    judges, profile, name = judged_as(target)
    if not judges or name in CONTAINERS:
        return False
    if profile is None:
        return True
    functions = [function for hook in hooks for function in profile.acts.get(hook, ())]
    read = bool(functions) and all(function in SCHEMAS for function in functions)
    return profile.base != _LAYOUTS[hooks] and not read
