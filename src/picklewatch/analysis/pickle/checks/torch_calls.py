"""torch's functions that rebuild tensors (``torch/_utils.py``, ``torch/_tensor.py``, ``torch/storage.py``).

A tensor must stay inside its storage (CVE-2026-24747, see `checks.torch_tensors`). ``_rebuild_from_type_v2`` calls
its first argument, and ``_set_obj_state`` makes attributes of any state; ``_load_from_bytes`` unpickles without
restriction: all three are on the way around ``weights_only`` look-alikes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.checks import torch_indices, torch_tensors
from picklewatch.analysis.pickle.checks.arguments import values_of
from picklewatch.analysis.pickle.checks.concern import Concern, indirect_call, suspicious_arguments
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.report import UNREAD, Why
from picklewatch.analysis.pickle.semantics import attributes
from picklewatch.analysis.pickle.semantics.restored_objects import attributes_of, plain_mapping
from picklewatch.analysis.pickle.vm.values import Blob, How, Import, Obj, Persistent, as_bytes
from picklewatch.catalogue.imports.entries import Kind, Status
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.checks.judges import Context
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALL: Final = How.CALL
_PARAMETER: Final = Kind.PARAMETER
_STORAGE: Final = Kind.STORAGE
_TENSOR: Final = Kind.TENSOR
_VOUCHED: Final = Status.VOUCHED


def torch_tensor(context: Context, callee: Import, args: Value, _offset: int) -> Concern | None:
    """Check that offset, size and stride stay inside the storage."""
    values = values_of(args)
    dtype = values[6] if callee.name == "_rebuild_tensor_v3" and len(values) > 6 else None
    summary = torch_tensors.out_of_bounds(args, context.observations.budget, dtype)
    if summary:
        return Concern("tensor-out-of-bounds", Level.MALICIOUS, summary)
    storage = values[0]
    if type(storage) is Persistent:
        if storage.storage is not None:
            return None
    elif isinstance(storage, Obj):
        if storage.kind is _STORAGE and storage.state is None:
            return Concern("tensor-out-of-bounds", Level.UNVERIFIED, "a tensor's storage does not tell its size")
        if storage.kind is _STORAGE or not storage.known:
            return None
    return suspicious_arguments("a tensor is rebuilt over something that is no storage")


_OF_TENSORS = frozenset({"_rebuild_parameter", "_rebuild_parameter_with_state"})


def _tensor(args: Value) -> bool:
    """Return True if the first of *args* is, or may be, a tensor: its methods will be called."""
    values = values_of(args)
    if not values or isinstance(values[0], Import):
        return False
    made = values[0]
    return not isinstance(made, Obj) or made.kind in {_TENSOR, _PARAMETER, _STORAGE} or not made.known


def torch_plain(context: Context, callee: Import, args: Value, offset: int) -> Concern | None:
    """Let a tensor be made of tensors, numbers and types."""
    if callee.name == "_rebuild_nested_tensor" or callee.name.startswith("_rebuild_sparse"):
        indices = torch_indices.indices_of(callee, args)
        if indices is None:
            return Concern("tensor-out-of-bounds", Level.UNVERIFIED, UNREAD)
        context.observations.indices.append((indices, offset))
        return None
    if callee.name in _OF_TENSORS and not _tensor(args):
        return suspicious_arguments(f"{callee.key} is given something other than a tensor")
    state_at = 3
    if callee.name == "_rebuild_parameter_with_state" and len(values_of(args)) > state_at:
        state = values_of(args)[state_at]
        if context.observations.data.unkept(state):
            return suspicious_arguments(f"{callee.key} is given attributes that may be called")
        return _given_state(context, callee, state, offset)
    if callee.name == "_rebuild_qtensor":
        return torch_tensor(context, callee, args, offset)
    return None


def torch_from_type(context: Context, callee: Import, args: Value, offset: int) -> Concern | None:
    """Judge the call that ``_rebuild_from_type_v2(function, type, arguments, state)`` makes, and the state."""
    values = values_of(args)
    if len(values) != 4 or not isinstance(values[0], Import):
        return indirect_call(f"{callee.key} is called in an unusual way")
    function = values[0]
    if function.module != "torch._utils" or function.judged.status is not _VOUCHED:
        return Concern(
            "indirect-call",
            Level.MALICIOUS if function.judged.level is Level.MALICIOUS else Level.UNSAFE,
            f"{callee.key} is made to call {function.key}",
        )
    context.call(function, values[2], _CALL, offset)
    return _given_state(context, callee, values[3], offset)


def _given_state(context: Context, callee: Import, state: Value, offset: int) -> Concern | None:
    """Check what ``_set_obj_state`` makes attributes of a tensor: no other class, no address in memory."""
    made = Obj(callee, (), offset, _TENSOR)
    plain_state = attributes_of(state) is not None or (isinstance(state, Obj) and plain_mapping(state))
    if not plain_state and context.observations.data.other(state) is not None:
        return suspicious_arguments(f"{callee.key} is given a state that is asked for its items")
    for named in attributes.split(state):
        if isinstance(named, dict):
            context.hazards.interface(made, named, offset)
        if (isinstance(named, dict) and "__class__" in named) or attributes.hidden(made, named):
            return suspicious_arguments(
                f"{callee.key} is given attributes that make another thing of a tensor, or cannot be seen"
            )
    return None


def load_from_bytes(context: Context, callee: Import, args: Value, offset: int) -> Concern | None:
    """Record the bytes, which are a pickle of their own."""
    values = values_of(args)
    given = values[0] if len(values) == 1 else None
    content = given if isinstance(given, Blob) and not given.text else as_bytes(given)
    if content is None:
        return Concern(
            "nested-unpickling", Level.UNSAFE, f"{callee.key} unpickles bytes that are not in the file as such"
        )
    context.observations.nest(content, offset, Why.LOADED)
    return None


def view_state(observations: Observations, state: Value, offset: int) -> None:
    """Check ``(storage, offset, size, stride)``, the state of any class of tensors, by whatever name it came."""
    parts = 4
    if not isinstance(state, tuple) or len(state) != parts or not isinstance(state[0], Persistent):
        return
    summary = torch_tensors.out_of_bounds(state, observations.budget)
    if summary:
        observations.finding("tensor-out-of-bounds", Level.MALICIOUS, offset, summary, render(state, 200))
