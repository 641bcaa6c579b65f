"""Tensors of a torch checkpoint that repeat, byte for byte but for their storage's key, one that the walk has judged.

``torch.save`` writes some thirty opcodes for each tensor, and a model has thousands of the same few shapes. The walk
judges the first of each; the lane recognizes the next by one regular expression and takes the judgement over. It
decides nothing by itself: what differs in anything but the key and the memo's next numbers goes to the walk, at the
same opcode. The opcodes are those of ``persistent_id`` in ``torch/serialization.py`` and ``_reduce_ex_internal`` in
``torch/_tensor.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from picklewatch.analysis.pickle.report import Storage
from picklewatch.analysis.pickle.vm.opcodes import MEMO_GAP
from picklewatch.analysis.pickle.vm.state import PASSED_OVER, LaneMissedError
from picklewatch.analysis.pickle.vm.values import Import, Obj, Persistent
from picklewatch.catalogue.imports.entries import Check

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.machine import Machine
    from picklewatch.analysis.pickle.vm.state import WalkState
    from picklewatch.analysis.pickle.vm.values import Value

_GET, _PUT, _NUMBER = rb"(?:h.|j....)", rb"((?:q.|r....|\x94)?)", rb"(?:K.|M..|J...[\x00-\x7f])"
_SHAPE = rb"(?:%b{1,3}[\x85-\x87]|\(%b{4,8}t|\))" % (_NUMBER, _NUMBER)
_TENSOR = re.compile(
    rb"(\(\(%b%b)" % (_GET, _GET)  # MARK MARK 'storage' type
    + rb"(X[\x01-\x14]\0\0\0|\x8c[\x01-\x14])([0-9]{1,20})%b" % _PUT  # the storage's key
    + rb"(%b%bt)%bQ" % (_GET, _NUMBER, _PUT)  # location, elements; BINPERSID
    + rb"(%b%b)%b(%b)%b" % (_NUMBER, _SHAPE, _PUT, _SHAPE, _PUT)  # offset and size, stride
    + rb"([\x88\x89]%b\)R)%bt%bR%b" % (_GET, _PUT, _PUT, _PUT),  # requires_grad, OrderedDict(); the call
    re.DOTALL,
)
"""What follows the function of a tensor. Each part is told from the next by its first byte: it never goes back."""
_NUMBERS = re.compile(_NUMBER, re.DOTALL)
_FEWEST_OPCODES = 17
"""Opcodes of a tensor but for its puts and what is in its shapes."""
_SIX = 6
"""Arguments of ``torch._utils._rebuild_tensor_v2``."""
_KINDS = 4_096
"""Kinds of tensors that are kept; a model has a few dozen."""
_PATIENCE = 64
"""Tensors that may be no repetition before the lane is given up, and one more for each that was one."""
_MOST_PUTS = 7
_FIRST_PUTS = [0, *(sum((0x72 + (number << 8)) << 40 * number for number in range(puts)) for puts in range(1, 8))]
"""LONG_BINPUT of the indexes 0, 1, 2, … as one number, by their count,"""
_NEXT_PUTS = [0, *(sum(1 << 40 * number + 8 for number in range(puts)) for puts in range(1, 8))]
"""and what it grows by with each index more."""


class _Kind(NamedTuple):
    """A kind of tensor that the walk has judged."""

    tensor: Obj
    storage: Storage
    parts: tuple[Value, ...]
    """What its puts keep: the key, the id, size, stride, OrderedDict, the arguments, the tensor."""
    opcodes: int
    """Its opcodes, without its puts."""


class _Lesson(NamedTuple):
    """A tensor that the walk judges now."""

    kind: tuple[bytes, ...]
    place: int
    """Where its call lies."""
    entry: int
    """The memo's entry that it becomes."""
    opcodes: int


class TensorLane:
    """The kinds of tensors that one walk has judged so far."""

    def __init__(self, machine: Machine, *, active: bool) -> None:
        self._machine = machine
        self._storages = machine.persistent_ids.storages
        self._active = active
        self.rebuild: object = _NEVER
        """The function that rebuilds tensors, as it lies in the memo, once it was imported."""
        self.opcodes = 0
        """Opcodes that were passed over."""
        self.shared: dict[int, Obj] = {}
        """The tensors that may stand for more than one, by identity: they are not to be changed."""
        self._kinds: dict[tuple[bytes, ...], _Kind] = {}
        self._lesson: _Lesson | None = None
        self._patience = _PATIENCE

    def off(self) -> None:
        """Leave all that follows to the walk."""
        self._active = False
        self.rebuild = _NEVER

    def leave(self) -> None:
        """Leave all that follows to the walk, which looks at the whole memo; raise if the memo lacks parts."""
        self.off()
        if self.opcodes:
            raise LaneMissedError

    def imported(self) -> None:
        """Look for the function among what the pickle has imported."""
        found = self._machine.imports.found.get(("torch._utils", "_rebuild_tensor_v2"))
        if found is not None and self._active and found.judged.check is Check.TORCH_TENSOR and not found.watched:
            self.rebuild = found

    def passed(self, walk: WalkState, position: int, stack: list[Value], frame_end: int) -> int:
        """Put the tensor whose opcodes begin at *position* onto *stack*, in place of its function; return their end.

        Return *position* if the walk is to read them.
        """
        memo = walk.memo
        match = _TENSOR.match(walk.data, position, walk.size)
        if match is None or match.end() > frame_end or walk.rewritten or type(memo) is not list:
            return self._missed(position)
        if self._lesson is not None:
            self._learn(self._lesson, memo)
        first, head, key, put1, ids, put2, place, put3, stride, put4, made, put5, put6, put7 = match.groups()
        count = _count((put1, put2, put3, put4, put5, put6, put7), len(memo))
        if head[1] != len(key) or not count or not put7:
            return self._missed(position)
        kind = self._kinds.get((first, ids, place, stride, made))
        if kind is None:
            opcodes = _FEWEST_OPCODES + _inside(place) + _inside(stride)
            call = match.end() - len(put7) - 1
            self._lesson = _Lesson((first, ids, place, stride, made), call, len(memo) + count - 1, opcodes)
            return self._missed(position)
        if not self._declared(key.decode(), kind.storage):
            return self._missed(position)
        stack[-1] = kind.tensor
        if count == _MOST_PUTS:
            memo += kind.parts
        else:
            puts = (put1, put2, put3, put4, put5, put6, put7)
            memo += [part for part, put in zip(kind.parts, puts, strict=True) if put]
        self.opcodes += kind.opcodes + count
        self._patience += 1
        return match.end()

    def _missed(self, position: int) -> int:
        self._patience -= 1
        if not self._patience:
            self.off()
        return position

    def _declared(self, key: str, like: Storage) -> bool:
        """Return True if the storage *key* is now declared as *like* is; False if it was declared as another before."""
        known = self._storages.get(key)
        if known is None:
            self._storages[key] = Storage(
                key=key, kind=like.kind, location=like.location, elements=like.elements, element_size=like.element_size
            )
            return True
        return known.kind == like.kind and known.elements == like.elements

    def _learn(self, lesson: _Lesson, memo: list[Value]) -> None:
        """Keep the tensor that the walk has judged since, if there was nothing to report about anything yet."""
        self._lesson = None
        tensor = memo[lesson.entry] if lesson.entry < len(memo) else None
        if not isinstance(tensor, Obj) or tensor.callee is not self.rebuild or tensor.offset != lesson.place:
            return
        if self._machine.observations.findings or not tensor.known or tensor.state is not None:
            return
        assert isinstance(tensor.callee, Import)
        args = tensor.args
        if tensor.callee.level is not None or not isinstance(args, tuple) or len(args) != _SIX:
            return
        storage, hooks = args[0], args[5]
        if type(storage) is not Persistent or storage.storage is None or storage.storage.visible is not None:
            return
        if not isinstance(hooks, Obj) or hooks.args != () or not _ordered_dict(hooks.callee):
            return
        if len(self._kinds) < _KINDS:
            parts = (PASSED_OVER, PASSED_OVER, args[2], args[3], PASSED_OVER, PASSED_OVER, tensor)
            self._kinds[lesson.kind] = _Kind(tensor, storage.storage, parts, lesson.opcodes)
            self.shared[id(tensor)] = tensor


def _ordered_dict(callee: Value) -> bool:
    if not isinstance(callee, Import):
        return False
    return (callee.module, callee.name) == ("collections", "OrderedDict") and callee.level is None


def _count(puts: tuple[bytes, ...], index: int) -> int:
    """Return how many *puts* there are if they keep what is on the stack as *index* and so on, else 0."""
    joined = b"".join(puts)
    if joined[:1] == b"\x94":
        return len(joined) if joined == b"\x94" * len(joined) else 0
    count, rest = divmod(len(joined), 5)
    counted = not rest and int.from_bytes(joined, "little") == _FIRST_PUTS[count] + index * _NEXT_PUTS[count]
    return count if counted and index + count < MEMO_GAP else 0


def _inside(shape: bytes) -> int:
    """Return how many opcodes there are before the one that makes *shape* a tuple."""
    return len(_NUMBERS.findall(shape)) + (shape[-1] == ord("t"))


_NEVER: Final = object()
"""Nothing that is ever in the memo."""
