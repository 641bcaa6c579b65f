"""Every tensor that names lead to, the names joined by dots: what a safetensors file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import Obj
from picklewatch.analysis.rescue.byte_sources import NotSavedError
from picklewatch.analysis.rescue.held_values import MODULE, described, found, inside, is_empty, is_plain
from picklewatch.analysis.rescue.tensors import Tensor
from picklewatch.core.rescue_plan import LONGEST_NAME, NOT_IN_SAFETENSORS

if TYPE_CHECKING:
    from picklewatch.analysis.rescue.byte_sources import ByteSources
    from picklewatch.analysis.rescue.contents import LoadedValue
    from picklewatch.analysis.rescue.planning import RescuePlan

_DEPTH = 64


class NamedTensors:
    """One walk over a value, into a `RescuePlan`."""

    def __init__(self, content: LoadedValue, sources: ByteSources, plan: RescuePlan) -> None:
        self._content = content
        self._sources = sources
        self._plan = plan

    def collect(self, value: object) -> None:
        """Save every tensor in *value*."""
        todo: list[tuple[str, object, tuple[int, ...]]] = [("", value, ())]
        looked = 0
        while todo:
            name, item, above = todo.pop()
            looked += 1
            if looked > self._plan.most_values:
                self._plan.left(name, f"more than {self._plan.most_values} values can be reached")
                return
            if self._saved(name, item):
                continue
            held = list(inside(item))
            if not held:
                self._nothing_in(name, item)
            elif id(item) in above:
                self._plan.left(name, "it holds itself")
            elif len(above) >= _DEPTH:
                self._plan.left(name, "it is nested too deep")
            else:
                around = (*above, id(item))
                todo += [(_joined(name, key), one, around) for key, one in reversed(held)]

    def _nothing_in(self, name: str, item: object) -> None:
        if not is_empty(item):
            self._plan.left(name, described(item), plain=is_plain(item))

    def _saved(self, name: str, item: object) -> bool:
        """Save *item* if it is a tensor; True if nothing is to be looked for in it."""
        if isinstance(item, Tensor):
            self._tensor(name, item)
            return True
        if not isinstance(item, Obj):
            return False
        try:
            made = found(item, self._content.storages, self._sources)
        except NotSavedError as error:
            self._plan.left(name, str(error))
            return True
        if made.tensor is not None:
            self._tensor(name, made.tensor)
        elif made.number is not None:
            self._plan.left(name, described(made.number), plain=True)
        return made != (None, None)

    def _tensor(self, name: str, tensor: Tensor) -> None:
        if len(name) > LONGEST_NAME:
            self._plan.left(name, f"its name has more than {LONGEST_NAME} characters")
        elif tensor.dtype in NOT_IN_SAFETENSORS:
            self._plan.left(name, "safetensors has no type for complex numbers of 16 bytes")
        elif tensor.expanded:
            self._plan.left(name, "it repeats its elements (expanded): more to write than there is")
        else:
            self._plan.save(name or "tensor", tensor)


def _joined(name: str, key: object) -> str:
    """Return the name of what lies under *key*; a little more than the longest tells that it is too long."""
    if key in MODULE:
        return name
    part = str(key) if not isinstance(key, str) else key
    return (f"{name}.{part}" if name else part)[: LONGEST_NAME + 1]
