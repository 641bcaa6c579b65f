"""Read the functions that serve as hooks of classes that are there as text."""

from __future__ import annotations

import ast
import enum
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from census import hooks, introspect
from census.syntax import Reading, read
from census.text_mro import Ancestor, Classes, full_name
from census.text_scope import Defined
from census.text_values import Live, NamedTuple, Namespace, TextClass, TextFunction

if TYPE_CHECKING:
    from census.text_attributes import Attributes
    from census.text_world import World


@dataclass
class HookFunction:
    """A function that serves as a hook."""

    key: str
    hook: str
    reading: Reading
    text: str = ""
    where: TextFunction | TextClass | None = None
    live: Any = None
    """The function, where it is the standard library's."""

    def line(self) -> dict[str, Any]:
        """Return its line of the census."""
        library = self.where.where.library if self.where else None
        own = self.where.where.module.name.partition(".")[0] if self.where else self.key.partition(".")[0]
        return {
            "function": self.key,
            "hook": self.hook,
            "does": self.reading.does,
            "why": self.reading.why,
            "calls": sorted(self.reading.calls),
            "looks": sorted(self.reading.looks),
            "lines": self.reading.lines,
            "source": introspect.digest(self.text),
            "text": self.text,
            "library": own,
            "version": library.version if library else "",
            "classes": 0,
        }


class TextFunctions:
    """The functions that were read, each once."""

    def __init__(self, world: World, classes: Classes, attributes: Attributes, live: introspect.Census) -> None:
        self._world = world
        self._classes = classes
        self._attributes = attributes
        self._live = live
        self.found: dict[str, HookFunction] = {}

    def definitions(  # noqa: PLR0911 - one for each kind of ancestor
        self, order: list[Ancestor], hook: str, skip: int
    ) -> tuple[int, list[HookFunction]]:
        """Return the place in *order*, from *skip* on, of the class that defines *hook*, and what it may be."""
        if hook == "__new__" and Live(enum.Enum) in order:  # Python puts Enum's into each enumeration, over its own
            return len(order), self._inherited(enum.Enum, hook)
        for position, one in enumerate(order[skip:], skip):
            if isinstance(one, TextClass):
                body = self._classes.body(one)
                if hook in body.generated:
                    return position, [self._generated(one, hook, body.generated[hook])]
                if hook in body.scope:
                    return position, self._defined(one, hook)
            elif isinstance(one, NamedTuple):
                if hook == "__new__":
                    return position, []
            elif hook in vars(one.value):
                return position, self._inherited(one.value, hook)
            elif hook == "_missing_" and one.value is enum.Enum:
                return position, []
        return len(order), []

    def _inherited(self, cls: type, hook: str) -> list[HookFunction]:
        owner, value = introspect.definer(cls, hook)
        if owner is None or (hook == "_missing_" and cls is enum.Enum):
            return []
        one = self._live.function(owner, hook, value)
        return [self.kept(HookFunction(one.key, hook, one.reading, one.text, None, one.value))]

    def _generated(self, cls: TextClass, hook: str, key: str) -> HookFunction:
        stores = hook == "__setattr__" or key.endswith(f"{cls.qualname}.__hash__")  # one refuses, the other is None
        reading = Reading() if stores else Reading(does="acts", why="no source")
        return self.kept(HookFunction(key, hook, reading, "", None if not stores else cls))

    def _defined(self, cls: TextClass, hook: str) -> list[HookFunction]:
        found = []
        for bound in self._classes.body(cls).scope[hook]:
            node = bound.node if isinstance(bound, Defined) else None
            key = f"{cls.key}.{hook}"
            if isinstance(node, ast.Constant) and node.value is None:
                found.append(HookFunction(key, hook, Reading(), "", cls))
            elif isinstance(node, ast.FunctionDef):
                found.append(self._read(cls, hook, self._attributes.function(cls, node)))
            else:
                found += self._assigned(cls, hook, node)
        return [self.kept(one) for one in found]

    def _assigned(self, cls: TextClass, hook: str, node: ast.AST | None) -> list[HookFunction]:
        """Read ``__hook__ = something``."""
        key = f"{cls.key}.{hook}"
        scope = self._classes.body(cls).scope
        if isinstance(node, ast.Name) and node.id in scope and node.id != hook:
            methods = [one.node for one in scope[node.id] if isinstance(one, Defined)]
            if len(methods) == 1 and isinstance(methods[0], ast.FunctionDef):
                return [self._read(cls, hook, self._attributes.function(cls, methods[0]), key)]
        values = self._world.expression(cls.where, node) if isinstance(node, ast.expr) else frozenset()
        if len(values) == 1:
            value = next(iter(values))
            if isinstance(value, TextFunction):
                return [self._read(cls, hook, value, value.key if hook in value.qualname else key)]
        return [HookFunction(key, hook, Reading(does="acts", why="an object"), "", cls)]

    def _read(self, cls: TextClass, hook: str, function: TextFunction, key: str = "") -> HookFunction:
        text = textwrap.dedent(function.text)
        reading = read(text, hook) if text else Reading(does="acts", why="no source")
        names = {
            full_name(one) for node in function.node.decorator_list for one in self._world.expression(cls.where, node)
        }
        if function.node.decorator_list and not names <= {
            "builtins.staticmethod",
            "builtins.classmethod",
            "abc.abstractmethod",
        }:
            reading.does, reading.why = "acts", "decorated"
        made = HookFunction(key or function.key, hook, reading, text, function)
        if reading.does == "stores" and not self._means_what_it_says(cls, made):
            reading.does, reading.why = "acts", "a name in it means something else"
        return made

    def kept(self, made: HookFunction) -> HookFunction:
        """Return the function of that name, the worse of two."""
        known = self.found.get(made.key)
        if known is None or (known.reading.does == "stores" and made.reading.does != "stores"):
            self.found[made.key] = made
        return self.found[made.key]

    def _means_what_it_says(self, cls: TextClass, function: HookFunction) -> bool:
        place = function.where.where if function.where else cls.where
        for text, wanted in function.reading.needs.items():
            values = self._world.expression(place, ast.parse(text, mode="eval").body)
            if len(values) != 1:
                return False
            value = next(iter(values))
            if wanted == "<own class>":
                right = value is cls
            elif wanted == "warnings":
                right = value == Namespace("warnings")
            elif wanted == text and "." not in wanted:
                right = isinstance(value, Live) and full_name(value).startswith("builtins.") and text not in place.scope
            else:
                last = wanted.rpartition(".")[2]
                right = isinstance(value, Live) and value.value is _quiet(last)
            if not right:
                return False
        return all(self._base(function, name) is not None for name in function.reading.bases)

    def _base(self, function: HookFunction, dotted: str) -> list[Ancestor] | None:
        if function.where is None:
            resolved = introspect._resolved(function.live, dotted)  # noqa: SLF001 - the same question
            return [Live(one) for one in resolved.__mro__] if resolved else None
        values = self._world.expression(function.where.where, ast.parse(dotted, mode="eval").body)
        one = next(iter(values)) if len(values) == 1 else None
        if isinstance(one, TextClass):
            return self._classes.mro(one)
        return (
            [Live(base) for base in one.value.__mro__]
            if isinstance(one, Live) and isinstance(one.value, type)
            else None
        )

    def order_of(self, function: HookFunction, dotted: str) -> list[Ancestor]:
        """Return the method resolution order of the class that *function* calls *dotted*."""
        return self._base(function, dotted) or []

    def read_setter(self, cls: TextClass, key: str, setter: TextFunction) -> HookFunction:
        """Return *setter* of a property, read."""
        text = textwrap.dedent(setter.text)
        reading = read(text, hooks.DESCRIPTOR)
        made = HookFunction(key, hooks.DESCRIPTOR, reading, text, setter)
        others = [
            one for one in setter.node.decorator_list if not (isinstance(one, ast.Attribute) and one.attr == "setter")
        ]
        if others or (reading.does == "stores" and not self._means_what_it_says(cls, made)):
            reading.does, reading.why = "acts", "decorated" if others else "a name in it means something else"
        return made


def _quiet(last: str) -> Any:
    """Return the callable of the standard library that a hook may call."""
    import collections
    import threading

    meant = {
        "OrderedDict": collections.OrderedDict,
        "Lock": threading.Lock,
        "RLock": threading.RLock,
        "allocate_lock": threading.Lock,
    }
    return meant.get(last)
