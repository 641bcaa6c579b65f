"""Values of a pickle as a loader sees them that takes it for a configuration: mappings, and the texts in them.

A mapping may be a dict, or an object that behaves as one: an OrderedDict, an EasyDict, a node of OmegaConf, whose
``__getitem__`` unwraps what it holds (omegaconf/basecontainer.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import Import, Obj, as_bytes, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.analysis.pickle.vm.values import Key, Value

_DEEPEST = 4
"""Texts that are made of texts, one in another, before a text counts as one that cannot be seen."""
_CONTENT, _VALUE, _DATA = "_content", "_val", "data"
"""Attributes that hold what an object stands for: of OmegaConf's containers and nodes, of ``UserString``."""
_STR = frozenset({"str", "str_", "unicode_", "UserString"})
_PER_TEXT = 2


class Mapping:
    """One mapping of a pickle: see `picklewatch.analysis.loader_acts.Configuration`."""

    def __init__(self, content: dict[Key, Value], charge: Callable[[int], None]) -> None:
        self.content = content
        self.cost = charge

    def has(self, key: str) -> bool:
        """Return True if *key* is there."""
        return key in self.content

    def here(self, key: str) -> bool:
        """Return True if *key* is there."""
        return key in self.content

    def texts(self, key: str) -> list[str]:
        """Return the text that is the value of *key*, or those in the list that is."""
        value = self.content.get(key)
        text = text_of(value)
        if text is not None:
            return [text]
        return list(self._in_lists(value))

    def within(self, key: str) -> Iterator[Mapping]:
        """Yield the mapping that is the value of *key*, or those in the list that is."""
        value = self.content.get(key)
        items = _items_of(value) or ()
        self.cost(len(items))
        for one in (value, *items):
            found = mapping_of(one)
            if found is not None:
                yield Mapping(found, self.cost)

    def arguments(self) -> list[str]:
        """Return the texts in this mapping, and those in lists and mappings in it."""
        found: list[str] = []
        for value in self.content.values():
            self.cost(1)
            text = text_of(value)
            if text is not None:
                found.append(text)
                continue
            inner = mapping_of(value)
            if inner is not None:
                self.cost(len(inner))
                found += [text for text in map(text_of, inner.values()) if text is not None]
            found += self._in_lists(value)
        return found

    def lists(self) -> tuple[tuple[str, list[str]], ...]:
        """Return nothing: descriptions of that kind are texts."""
        return ()

    def _in_lists(self, value: Value) -> Iterator[str]:
        """Yield the texts in a list and in the lists in it, as layers are written."""
        waiting, seen = [value], set[int]()
        while waiting:
            items = _items_of(waiting.pop())
            if items is None or id(items) in seen:
                continue
            seen.add(id(items))
            self.cost(_PER_TEXT * len(items))
            for item in items:
                text = text_of(item)
                if text is not None:
                    yield text
                else:
                    waiting.append(item)


def text_of(value: Value, depth: int = 0) -> str | None:
    """Return the text that *value* is to a loader, or None: also what ``str`` and numpy make of one, and nodes."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Obj):
        return as_text(value)
    if depth == _DEEPEST:
        return None
    if isinstance(value.state, dict):
        for attribute in (_VALUE, _DATA):
            if attribute in value.state:
                return text_of(value.state[attribute], depth + 1)
    if not isinstance(value.callee, Import) or not isinstance(value.args, tuple):
        return None
    name, args = value.callee.name, value.args
    if name in _STR and args:
        return text_of(args[0], depth + 1)
    if name == "scalar" and len(args) == 2:
        return _numpy_text(args[1])
    made = [text_of(one, depth + 1) for one in args]
    return made[-1] if len(made) in {1, 2} and made[-1] is not None and value.how.value == "new" else None


def _numpy_text(content: Value) -> str | None:
    """Return the text of numpy's ``str_``, which is kept in four bytes a character."""
    held = as_bytes(content)
    if held is None or len(held) % 4:
        return None
    codec = "utf-32-be" if held[:1] == b"\0" else "utf-32-le"
    return held.decode(codec, "replace").rstrip("\0")


def mapping_of(value: Value) -> dict[Key, Value] | None:
    """Return what a loader finds in *value* by key, or None if that is no mapping."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, Obj):
        return None
    state = value.state if isinstance(value.state, dict) else {}
    content = state.get(_CONTENT, state.get(_DATA))
    held = content if isinstance(content, dict) else state
    return {**held, **(value.items or {})} or None


def _items_of(value: Value) -> list[Value] | tuple[Value, ...] | None:
    if isinstance(value, list | tuple):
        return value
    if not isinstance(value, Obj):
        return None
    if isinstance(value.state, dict) and isinstance(value.state.get(_CONTENT), list):
        content = value.state[_CONTENT]
        assert isinstance(content, list)
        return content
    return value.members
