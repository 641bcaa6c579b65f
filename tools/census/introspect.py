"""Look at one class of the running interpreter: its hooks, who defines them, and which provably only store."""

from __future__ import annotations

import builtins
import enum
import hashlib
import inspect
import linecache
import textwrap
import tokenize
import types
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from census import hooks
from census.syntax import Reading, read

_RANK = {"stores": 0, "native": 1, "acts": 2}


@dataclass
class Function:
    """A function that serves as a hook."""

    key: str
    hook: str
    reading: Reading
    value: Any = None
    """The object that runs, to resolve the names of its source."""
    text: str = ""
    classes: int = 0

    def line(self, library: str, version: str) -> dict[str, Any]:
        """Return its line of the census."""
        return {
            "function": self.key,
            "hook": self.hook,
            "does": self.reading.does,
            "why": self.reading.why,
            "calls": sorted(self.reading.calls),
            "looks": sorted(self.reading.looks),
            "lines": self.reading.lines,
            "source": digest(self.text),
            "text": self.text,
            "library": library,
            "version": version,
            "classes": self.classes,
        }


def digest(text: str) -> str:
    """Return the digest by which a schema names the source that was read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Census:
    """Functions that were read, each once."""

    functions: dict[str, Function] = field(default_factory=dict)

    def look(self, cls: type) -> dict[str, Any]:
        """Return what restoring an instance of *cls* runs."""
        found: dict[str, str] = {}
        acting: dict[str, list[str]] = {}
        for hook in hooks.HOOKS:
            chain = self._chain(cls, hook)
            if chain:
                found[hook] = chain[0].key
            acts = self._acting(cls, chain)
            if acts and hook not in hooks.ONLY_RECORDED:
                acting[hook] = acts
        for hook, functions in ((hooks.DESCRIPTOR, self._descriptors(cls)), (hooks.METACLASS, self._metaclass(cls))):
            acts = [one.key for one in functions if one.reading.does != "stores"]
            if functions:
                found[hook] = functions[0].key
            if acts:
                acting[hook] = acts
        kind = "enum" if _is_enumeration(cls) else "active" if acting else "passive"
        if kind == "enum" and not self._harmless_call(cls):
            kind = "active"
        return {"kind": kind, "base": layout(cls), "slots": _has_slots(cls), "hooks": found, "acts": acting}

    # --- functions ---

    def _chain(self, cls: type, hook: str) -> list[Function]:
        """Return the functions that run when *hook* is called: the first, and those that it passes the call on to."""
        chain: list[Function] = []
        waiting = [(cls, 0)]
        seen: set[str] = set()
        while waiting:
            start, skip = waiting.pop(0)
            owner, value = definer(start, hook, skip)
            if owner is None:
                continue
            function = self.function(owner, hook, value)
            if function.key in seen:
                continue
            seen.add(function.key)
            chain.append(function)
            if function.reading.does != "stores":
                continue
            if function.reading.up:
                waiting.append((start, start.__mro__.index(owner) + 1))
            waiting += [(base, 0) for base in self._bases(function) if base is not None]
        return chain

    def _bases(self, function: Function) -> list[type | None]:
        return [_resolved(function.value, name) for name in sorted(function.reading.bases)]

    def function(self, owner: type, hook: str, value: Any) -> Function:
        """Return *value*, *hook* of *owner*, read."""
        key = _key(owner, hook, value)
        known = self.functions.get(key)
        if known is None or (known.value is not value and known.text != source_of(value)):
            fresh = self._read(key, owner, hook, value)
            if known is not None and _RANK[known.reading.does] >= _RANK[fresh.reading.does]:
                fresh = known  # two functions of one name: the worse counts for both
            self.functions[key] = known = fresh
        known.classes += 1
        return known

    def _read(self, key: str, owner: type, hook: str, value: Any) -> Function:
        if value is None:  # __hash__ = None
            return Function(key, hook, Reading(), None)
        value = getattr(value, "__func__", value)
        if isinstance(value, property):
            value = value.fset if hook == hooks.DESCRIPTOR else value.fget
            if value is None:
                return Function(key, hook, Reading(), None)
            reading = self._read(key, owner, hook, value).reading
            if hook != hooks.DESCRIPTOR:
                reading.does, reading.why = "acts", "a property"
            return Function(key, hook, reading, value, source_of(value))
        if _generated_stores(value):
            return Function(key, hook, Reading(up=hook == "__setattr__"), None)
        if not isinstance(value, types.FunctionType):
            native = isinstance(value, _NATIVE) or type(value).__name__ == "cython_function_or_method"
            does = "native" if native else "acts"
            return Function(key, hook, Reading(does=does, why="compiled" if native else "an object"), value)
        text = source_of(value)
        reading = read(text, hook) if text else Reading(does="acts", why="no source")
        if reading.does == "stores" and not _means_what_it_says(value, reading, owner):
            reading.does, reading.why = "acts", "a name in it means something else"
        return Function(key, hook, reading, value, text)

    # --- what a chain does ---

    def _acting(self, cls: type, chain: list[Function]) -> list[str]:
        acts = [one.key for one in chain if one.reading.does != "stores"]
        if chain and chain[0].hook == "__new__" and not acts and _new_ends_in_looking(cls, chain):
            acts = [chain[0].key]
        for one in chain:
            acts += self._through_attributes(cls, one.reading)
        return list(dict.fromkeys(acts))

    def _through_attributes(self, cls: type, reading: Reading) -> list[str]:
        """Return what acts when *reading*'s attributes of an instance of *cls* are set and asked."""
        acts: list[str] = []
        if reading.assigns:
            acts += self._direct(cls, "__setattr__")
            for name in sorted(reading.assigns):
                value = inspect.getattr_static(cls, name, None)
                if _is_data_descriptor(value):
                    acts += [one.key for one in self._setters(cls, name, value) if one.reading.does != "stores"]
        if reading.reads:
            acts += self._direct(cls, "__getattr__") + self._direct(cls, "__getattribute__")
            for name in sorted(reading.reads):
                value = inspect.getattr_static(cls, name, None)
                own = isinstance(value, types.MemberDescriptorType | types.FunctionType | classmethod | staticmethod)
                if hasattr(type(value), "__get__") and not own and not (name == "__class__" and _plain_class(cls)):
                    owner = next((one for one in cls.__mro__ if name in one.__dict__), cls)
                    acts.append(f"{owner.__module__}.{owner.__qualname__}.{name}")
                    self.functions.setdefault(acts[-1], self._read_getter(acts[-1], value))
        return acts

    def _read_getter(self, key: str, value: Any) -> Function:
        getter = getattr(value, "fget", None) or getattr(value, "func", None)
        text = source_of(getter) if isinstance(getter, types.FunctionType) else ""
        return Function(key, "getter", Reading(does="acts", why="a getter"), getter, text, 1)

    def _direct(self, cls: type, hook: str) -> list[str]:
        return [one.key for one in self._chain(cls, hook) if one.reading.does != "stores"]

    # --- descriptors, the metaclass, enumerations ---

    def _descriptors(self, cls: type) -> list[Function]:
        """Return the setters that ``setattr`` runs, of each property and other data descriptor of *cls*."""
        found: dict[str, Function] = {}
        seen: set[str] = set()
        for owner in cls.__mro__:
            if owner.__module__ == "builtins" and owner is not BaseException:
                continue
            for name, value in list(owner.__dict__.items()):
                if name in seen:
                    continue
                seen.add(name)
                if not _is_data_descriptor(value) or (
                    name in {"__dict__", "__weakref__"} and isinstance(value, types.GetSetDescriptorType)
                ):
                    continue
                for one in self._setters(owner, name, value):
                    found.setdefault(one.key, one)
        return list(found.values())

    def _setters(self, owner: type, name: str, value: Any) -> list[Function]:
        owner = next((one for one in owner.__mro__ if name in one.__dict__), owner)
        key = f"{owner.__module__}.{owner.__qualname__}.{name}"
        if isinstance(value, types.MemberDescriptorType):
            return []  # a slot: it stores
        if name not in {"__class__", "__dict__"} and _refuses(value):
            return []
        if key not in self.functions:
            if isinstance(value, property):
                one = self._read(key, owner, hooks.DESCRIPTOR, value)
                if name in {"__class__", "__dict__"}:
                    one.reading.does, one.reading.why = "acts", "replaces " + name
            elif isinstance(value, types.GetSetDescriptorType):
                one = Function(key, hooks.DESCRIPTOR, Reading(does="native", why="compiled"), value)
            else:
                setter = getattr(type(value), "__set__", None)
                one = self._read(key, type(value), hooks.DESCRIPTOR, setter)
                one.reading.does, one.reading.why = (
                    "acts" if one.reading.does == "stores" else one.reading.does,
                    "a descriptor",
                )
            self.functions[key] = one
        self.functions[key].classes += 1
        return [self.functions[key]]

    def _metaclass(self, cls: type) -> list[Function]:
        meta = type(cls)
        owner, value = definer(meta, "__call__")
        if owner is None or owner in {type, enum.EnumMeta}:
            return []
        return [self.function(owner, "__call__", value)]

    def _harmless_call(self, cls: type) -> bool:
        """Return True if calling the enumeration *cls* with one literal only looks a member up."""
        owner, _ = definer(type(cls), "__call__")
        if owner not in {None, type, enum.EnumMeta}:
            return False
        missing = inspect.getattr_static(cls, "_missing_", None)
        home = next(one for one in cls.__mro__ if "_missing_" in one.__dict__)
        if home.__module__ == "enum":
            return True
        one = self.function(home, "_missing_", missing)
        return one.reading.does == "stores" or one.key in hooks.READ_MISSING


_NATIVE = (
    types.BuiltinFunctionType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MethodWrapperType,
)


def definer(cls: type, hook: str, skip: int = 0) -> tuple[type | None, Any]:
    """Return the class in the MRO of *cls*, from *skip* on, whose own *hook* counts, and it; None for Python's own."""
    for one in cls.__mro__[skip:]:
        if hook not in one.__dict__:
            continue
        value = one.__dict__[hook]
        own = one.__module__ in hooks.OWN_NATIVE and not isinstance(
            getattr(value, "__func__", value), types.FunctionType
        )
        if own and not isinstance(value, property) and (one.__module__, one.__qualname__, hook) not in hooks.NOT_OWN:
            return None, None
        return one, value
    return None, None


def layout(cls: type) -> str:
    """Return the built-in type whose layout an instance has, or ``native`` for one that a library compiled."""
    for one in cls.__mro__:
        new = one.__dict__.get("__new__")
        if one.__module__ == "builtins":
            names = [base.__name__ for base in one.__mro__ if base.__module__ == "builtins"]
            return next((name for name in names if name in hooks.BASES), "object")
        if isinstance(new, types.BuiltinFunctionType):
            return "native"
    return "object"


def source_of(function: Any) -> str:
    """Return the dedented source of *function*, and of what it wraps, or an empty text."""
    texts = []
    for _depth in range(10):
        if not isinstance(function, types.FunctionType):
            break
        code = function.__code__
        lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]  # inspect looks through all modules
        try:
            texts.append(textwrap.dedent("".join(inspect.getblock(lines))))
        except (IndentationError, SyntaxError, IndexError, tokenize.TokenError):
            break
        function = function.__dict__.get("__wrapped__")
    return "".join(texts)


def _key(owner: type, hook: str, value: Any) -> str:
    """Return the name of a hook function: where it is defined, not where it is inherited."""
    value = getattr(value, "__func__", value)
    if isinstance(value, types.FunctionType):
        file = value.__code__.co_filename
        if file.startswith("<attrs generated"):
            return f"attrs.{hook}"
        if (
            file == "<string>"
            and value.__qualname__.rpartition(".")[2] == hook
            and "__dataclass_fields__" in owner.__dict__
        ):
            return f"dataclasses.{hook}"
        if "<" not in value.__qualname__ and value.__module__ and hook in value.__qualname__:
            return f"{value.__module__}.{value.__qualname__}"
        if "<locals>" in value.__code__.co_qualname and not file.startswith("<"):
            return (
                f"{value.__globals__.get('__name__')}.{value.__code__.co_qualname}"  # one for all that a decorator made
            )
    return f"{owner.__module__}.{owner.__qualname__}.{hook}"


def _generated_stores(value: Any) -> bool:
    """Return True for a named tuple's ``__new__``, and a frozen data class's ``__setattr__``: both have no source."""
    if not isinstance(value, types.FunctionType):
        return False
    named = value.__globals__.get("__name__") or ""
    if value.__name__ == "__new__" and str(named).startswith("namedtuple_"):
        return value.__globals__.get("_tuple_new") is tuple.__new__ and value.__code__.co_names == ("_tuple_new",)
    generated = value.__code__.co_filename == "<string>" and value.__name__ == "__setattr__"
    return generated and "FrozenInstanceError" in (*value.__code__.co_names, *value.__code__.co_freevars)


def _resolved(function: Any, dotted: str) -> type | None:
    """Return the class that *dotted* names where *function* is defined."""
    first, *rest = dotted.split(".")
    space = getattr(function, "__globals__", {})
    value = space.get(first, vars(builtins).get(first))
    for name in rest:
        value = getattr(value, name, None) if isinstance(value, types.ModuleType) else None
    return value if isinstance(value, type) else None


def _means_what_it_says(function: types.FunctionType, reading: Reading, owner: type) -> bool:
    """Return True if the names that *reading* relies on are what they seem to be in the function's module."""
    if function.__code__.co_freevars not in {(), ("__class__",)}:
        return False
    space = function.__globals__
    for text, wanted in reading.needs.items():
        if wanted == "<own class>":
            if space.get(text) is not owner:
                return False
        elif wanted == "warnings":
            if getattr(space.get("warnings"), "__name__", "") != "warnings":
                return False
        elif wanted == text and "." not in wanted:
            if text in space:
                return False
        elif not _is_quiet(space, text, wanted):
            return False
    return all(_resolved(function, name) is not None for name in reading.bases)


def _is_quiet(space: dict[str, Any], text: str, wanted: str) -> bool:
    import collections
    import threading

    first, *rest = text.split(".")
    value = space.get(first)
    for name in rest:
        value = getattr(value, name, None) if isinstance(value, types.ModuleType) else None
    meant = {
        "OrderedDict": collections.OrderedDict,
        "Lock": threading.Lock,
        "RLock": threading.RLock,
        "allocate_lock": threading.Lock,
    }
    return value is not None and value is meant.get(wanted.rpartition(".")[2])


def _new_ends_in_looking(cls: type, chain: list[Function]) -> bool:
    """Return True if a ``__new__`` passes its arguments on to a built-in one that looks at them."""
    passes = any(one.reading.up or one.reading.bases for one in chain)
    return passes and layout(cls) not in hooks.PASSIVE_NEW


def _is_data_descriptor(value: Any) -> bool:
    kind = type(value)
    return hasattr(kind, "__set__") or hasattr(kind, "__delete__")


def _refuses(value: Any) -> bool:
    """Return True if setting the descriptor *value* always fails."""
    if isinstance(value, property | types.DynamicClassAttribute):
        own = type(value).__set__ in {property.__set__, types.DynamicClassAttribute.__set__}
        return own and value.fset is None
    return type(value) is type(_NAMED.x)


class _NAMED(NamedTuple):
    x: int


def _plain_class(cls: type) -> bool:
    return not any("__class__" in one.__dict__ for one in cls.__mro__[:-1])


def _has_slots(cls: type) -> bool:
    for one in cls.__mro__:
        names = one.__dict__.get("__slots__", ())
        names = [names] if isinstance(names, str) else list(names)
        if one.__module__ != "builtins" and any(name not in {"__dict__", "__weakref__"} for name in names):
            return True
    return False


def _is_enumeration(cls: type) -> bool:
    return issubclass(cls, enum.Enum)
