"""Methods that objects keep are plain functions of their class, by names that the library keeps somewhere."""

from __future__ import annotations

from typing import Any

from census.methods import fetched, kept_by

_TEXT = """
class Kernel:
    def __init__(self):
        self.apply = self._linear
        self.later = partial(self._step, 1)
        self.size = self.count()
        self.table["a"] = other.inner.forward_fuse  # as YOLO does
        self._callbacks.connect("x", self._on_x)
        value = self.not_kept
"""


def test_names_are_kept_where_an_attribute_is_set_or_a_call_is_made_for_later() -> None:
    """Called or merely used names are not kept."""
    assert fetched([_TEXT]) == {"_linear", "_step", "forward_fuse", "_on_x"}


class _Kernel:
    def _linear(self) -> None: ...

    @staticmethod
    def _step() -> None: ...

    @property
    def getter(self) -> int:
        return 1

    value = 3


class _Guarded(_Kernel):
    def __getattribute__(self, name: str) -> Any:
        return name


def test_only_plain_functions_of_the_class_are_listed() -> None:
    """Fetching a property runs it, and ``__getattribute__`` runs for each name."""
    names = frozenset({"_linear", "_step", "getter", "value", "missing"})
    assert [name for name, _ in kept_by(_Kernel, names)] == ["_linear", "_step"]
    assert list(kept_by(_Guarded, names)) == []
