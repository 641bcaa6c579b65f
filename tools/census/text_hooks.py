"""What restoring an instance of a class runs, by the class's text: as `introspect` finds it by looking at the class."""

from __future__ import annotations

import ast
import enum
import textwrap
import types
from typing import TYPE_CHECKING, Any

from census import hooks, introspect
from census.syntax import Reading
from census.text_attributes import Attribute, Attributes, Sort
from census.text_functions import HookFunction, TextFunctions
from census.text_mro import Ancestor, Classes
from census.text_scope import Defined
from census.text_values import Live, NamedTuple, TextClass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from census.text_world import World


class TextCensus:
    """Look at classes of a world of texts."""

    def __init__(self, world: World) -> None:
        self.classes = Classes(world)
        self._world = world
        self._attributes = Attributes(self.classes)
        self._live = introspect.Census()
        self._functions = TextFunctions(world, self.classes, self._attributes, self._live)

    @property
    def functions(self) -> dict[str, HookFunction]:
        """The functions that were read."""
        return self._functions.found

    def look(self, cls: TextClass) -> dict[str, Any]:
        """Return what restoring an instance of *cls* runs; raise `NotKnownError` where that can't be told."""
        order = self.classes.mro(cls)
        for one in order:
            if isinstance(one, TextClass):
                self.classes.body(one)
        found: dict[str, str] = {}
        acting: dict[str, list[str]] = {}
        for hook in hooks.HOOKS:
            chain = self._chain(order, hook)
            if chain:
                found[hook] = chain[0].key
            acts = self._acting(order, chain)
            if acts and hook not in hooks.ONLY_RECORDED:
                acting[hook] = acts
        setters = self._setters(order)
        if setters:
            found[hooks.DESCRIPTOR] = setters[0].key
        if acts := [one.key for one in setters if one.reading.does != "stores"]:
            acting[hooks.DESCRIPTOR] = acts
        return {
            "kind": self._kind(order, acting),
            "base": _layout(order),
            "slots": any(self._has_slots(one) for one in order),
            "hooks": found,
            "acts": acting,
        }

    def _kind(self, order: list[Ancestor], acting: dict[str, list[str]]) -> str:
        if Live(enum.Enum) not in order:
            return "active" if acting else "passive"
        missing = self._functions.definitions(order, "_missing_", 0)
        harmless = all(one.reading.does == "stores" or one.key in hooks.READ_MISSING for one in missing[1])
        return "enum" if harmless else "active"

    # --- functions ---

    def _chain(self, order: list[Ancestor], hook: str) -> list[HookFunction]:
        """Return the functions that run when *hook* is called: the first, and what it passes it on to."""
        chain: list[HookFunction] = []
        waiting = [(order, 0)]
        seen: set[str] = set()
        while waiting:
            start, skip = waiting.pop(0)
            position, functions = self._functions.definitions(start, hook, skip)
            for function in functions:
                if function.key in seen:
                    continue
                seen.add(function.key)
                chain.append(function)
                if function.reading.does != "stores":
                    continue
                if function.reading.up:
                    waiting.append((start, position + 1))
                waiting += [(self._functions.order_of(function, name), 0) for name in sorted(function.reading.bases)]
        return chain

    # --- what a chain does ---

    def _acting(self, order: list[Ancestor], chain: list[HookFunction]) -> list[str]:
        acts = [one.key for one in chain if one.reading.does != "stores"]
        if chain and chain[0].hook == "__new__" and not acts:
            passes = any(one.reading.up or one.reading.bases for one in chain)
            if passes and _layout(order) not in hooks.PASSIVE_NEW:
                acts = [chain[0].key]
        for one in chain:
            acts += self._through_attributes(order, one.reading)
        return list(dict.fromkeys(acts))

    def _through_attributes(self, order: list[Ancestor], reading: Reading) -> list[str]:
        """Return what acts when *reading*'s attributes of an instance are set and asked."""
        acts: list[str] = []
        if reading.assigns:
            acts += self._direct(order, "__setattr__")
            for name in sorted(reading.assigns):
                acts += [one.key for one in self._setter(order, name) if one.reading.does != "stores"]
        if reading.reads:
            acts += self._direct(order, "__getattr__") + self._direct(order, "__getattribute__")
            for name in sorted(reading.reads):
                acts += self._getter(order, name)
        return acts

    def _direct(self, order: list[Ancestor], hook: str) -> list[str]:
        return [one.key for one in self._chain(order, hook) if one.reading.does != "stores"]

    def _getter(self, order: list[Ancestor], name: str) -> list[str]:
        for one in order:
            if isinstance(one, TextClass) and name in self.classes.body(one).scope:
                found = self._attributes.sort(one, name)
                if found.sort is Sort.PLAIN:
                    return []
                text = textwrap.dedent(found.getter.text) if found.getter else ""
                key = f"{one.key}.{name}"
                self._functions.kept(
                    HookFunction(key, "getter", Reading(does="acts", why="a getter"), text, found.getter or one)
                )
                return [key]
            if isinstance(one, NamedTuple) and name in one.fields:
                return [self._field(one, name).key]
            if isinstance(one, Live) and name in vars(one.value):
                value = vars(one.value)[name]
                plain = name == "__class__" and one.value is object
                own = isinstance(
                    value,
                    types.MemberDescriptorType | types.FunctionType | classmethod | staticmethod,
                )
                return (
                    [f"{one.value.__module__}.{one.value.__qualname__}.{name}"]
                    if hasattr(type(value), "__get__") and not own and not plain
                    else []
                )
        return []

    # --- descriptors ---

    def _setters(self, order: list[Ancestor]) -> list[HookFunction]:
        """Return the setters that ``setattr`` runs, of each property and other data descriptor."""
        found: dict[str, HookFunction] = {}
        seen: set[str] = set()
        for one in order:
            if isinstance(one, Live) and one.value.__module__ == "builtins" and one.value is not BaseException:
                continue
            names = self._names(one)
            for name in list(names):
                if name not in seen:
                    seen.add(name)
                    found |= {setter.key: setter for setter in self._setter([one], name)}
        return list(found.values())

    def _names(self, one: Ancestor) -> Iterable[str]:
        if isinstance(one, NamedTuple):
            return one.fields
        return self.classes.body(one).scope if isinstance(one, TextClass) else vars(one.value)

    def _field(self, one: NamedTuple, name: str) -> HookFunction:
        return self._functions.kept(
            HookFunction(f"{one.key}.{name}", hooks.DESCRIPTOR, Reading(does="native", why="compiled"))
        )

    def _setter(self, order: list[Ancestor], name: str) -> list[HookFunction]:
        """Return the function that runs when attribute *name* of an instance is set."""
        for one in order:
            if isinstance(one, TextClass) and name in self.classes.body(one).scope:
                return self._own_setter(one, name, self._attributes.sort(one, name))
            if isinstance(one, NamedTuple) and name in one.fields:
                return [self._field(one, name)]
            if isinstance(one, Live) and name in vars(one.value):
                value = vars(one.value)[name]
                slot = name in {"__dict__", "__weakref__"} and isinstance(value, types.GetSetDescriptorType)
                if slot or not introspect._is_data_descriptor(value):  # noqa: SLF001 - the same question
                    return []
                made = self._live._setters(one.value, name, value)  # noqa: SLF001
                return [
                    self._functions.kept(HookFunction(two.key, hooks.DESCRIPTOR, two.reading, two.text)) for two in made
                ]
        return []

    def _own_setter(self, cls: TextClass, name: str, found: Attribute) -> list[HookFunction]:
        key = f"{cls.key}.{name}"
        special = name in {"__class__", "__dict__"}
        if found.sort in {Sort.PLAIN, Sort.GETTER} or (
            found.sort is Sort.PROPERTY and found.setter is None and not special
        ):
            return []
        if found.setter is None:
            why = "replaces " + name if special else "may be any descriptor"
            return [self._functions.kept(HookFunction(key, hooks.DESCRIPTOR, Reading(does="acts", why=why), "", cls))]
        made = self._functions.read_setter(cls, key, found.setter)
        if special:
            made.reading.does, made.reading.why = "acts", "replaces " + name
        return [self._functions.kept(made)]

    def _has_slots(self, one: Ancestor) -> bool:
        if isinstance(one, Live):
            return one.value.__module__ != "builtins" and introspect._has_slots(one.value)  # noqa: SLF001
        if isinstance(one, NamedTuple):
            return False
        for bound in self.classes.body(one).scope.get("__slots__", ()):
            node = bound.node if isinstance(bound, Defined) else None
            texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)] if node else []
            if any(text not in {"__dict__", "__weakref__"} for text in texts):
                return True
        return False


def _layout(order: list[Ancestor]) -> str:
    """Return the built-in type whose layout an instance has."""
    for one in order:
        if isinstance(one, Live) and one.value.__module__ == "builtins":
            return introspect.layout(one.value)
        if isinstance(one, Live) and introspect.layout(one.value) == "native":
            return "native"
    return "object"
