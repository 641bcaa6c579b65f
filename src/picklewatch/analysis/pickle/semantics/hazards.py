"""Harm that values do by themselves: hash bombs, interfaces to memory, attributes in the place of methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.semantics.data import CONSTANTS
from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports.classify import looks_like_class
from picklewatch.catalogue.imports.entries import Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Collection

    from picklewatch.analysis.pickle.report import Budget
    from picklewatch.analysis.pickle.semantics.closed_world import ClosedWorld
    from picklewatch.analysis.pickle.semantics.observations import Observations
    from picklewatch.analysis.pickle.vm.values import Key, Value

# Looked up once, for speed: see `picklewatch.catalogue.imports.entries`.
_CALLABLE: Final = Kind.CALLABLE
_OBJECT: Final = Kind.OBJECT


class Hazards:
    """Looks at values wherever they become keys, attributes, or the target of an opcode."""

    def __init__(self, observations: Observations, world: ClosedWorld) -> None:
        self._observations = observations
        self._world = world
        self._budget = observations.budget
        self._charge = observations.budget.charge
        self._hash_work = 0
        """Values that hashing keys has looked at so far."""
        self._hash_sizes: dict[int, tuple[int, Value]] = {}
        """The values that hashing a tuple looks at, by identity, and the tuples themselves."""

    def interface(self, target: Obj, named: dict[Key, Value], offset: int) -> None:
        """Report attributes of *target* that other objects use: methods, and an address in memory with a shape.

        numpy and torch believe ``__array_interface__`` as it is: it reads and writes at any address.
        """
        for name in among(INTERFACES, named):
            if named[name] is not None:
                self._observations.finding(
                    "hijacked-method",
                    Level.MALICIOUS,
                    offset,
                    f"gives {render(target.callee, 100)} an array's interface: memory at an address from the file",
                    render(named[name], 200),
                )
        for name in among(_METHODS, named):
            if may_be_called(named[name]):
                self._observations.finding(
                    "hijacked-method",
                    Level.UNSAFE,
                    offset,
                    f"puts a callable where others would call the method {name} of {render(target.callee, 100)}",
                    render(named[name], 200),
                )

        for name in among(_OWN_METHODS, named):
            if isinstance(named[name], Import) or may_be_called(named[name]):
                self._observations.finding(
                    "hijacked-method",
                    Level.UNSAFE,
                    offset,
                    f"puts a callable where {render(target.callee, 100)} may call its own method {name}",
                    render(named[name], 200),
                )

    def hashed(self, values: Collection[Value], offset: int) -> None:
        """Report keys and members of sets that take too long to be hashed: a tuple hashes all in it each time.

        Sixty tuples of two, each of the one before twice, would take longer to hash than the machine lives.
        """
        self._charge(2 + len(values) // 4)
        if CONSTANTS.issuperset(map(type, values)):
            return
        self._world.hashed(values, offset)
        for value in values:
            if type(value) is not tuple:
                continue
            self._budget.charge(5)
            known = self._hash_sizes.get(id(value))
            if known is not None:
                self._hash_work += known[0]
            elif len(value) > _SMALL or any(type(part) is tuple for part in value):
                self._hash_work += _nodes(value, self._hash_sizes, self._budget)
        if self._hash_work > _HASH_WORK:
            self._observations.once(
                "resource-bomb", Level.UNSAFE, offset, "shared tuples would take minutes or for ever to be hashed"
            )

    def out_of_kind(self, what: str, target: Value, offset: int, evidence: str) -> None:
        """Report an opcode on a value that no pickler uses it on."""
        name = render(target.callee, 100) if isinstance(target, Obj) else type(target).__name__
        if isinstance(target, Import):
            name = target.key[:200]
        self._observations.finding(
            "opcode-out-of-kind",
            Level.MALICIOUS,
            offset,
            f"{what} is used on something that it is not for ({name})",
            evidence,
        )


_METHOD_NAMES = (
    "keys values items get setdefault update pop popitem clear remove discard insert index read readline readinto seek "
    "tell write detach requires_grad_ as_subclass set_ view numpy __array__ __array_wrap__ __array_prepare__ "
    "__array_finalize__ __dlpack__ __reduce__ __reduce_ex__ __deepcopy__ __getstate__ __iter__ __next__ "
    "__len__ __getitem__ __call__ __float__ __int__ __index__ __hash__ __eq__"
)
_METHODS = frozenset(_METHOD_NAMES.split())
"""Methods that harmless functions call on their arguments; an object's own attribute comes before its class's."""


_OWN_METHOD_NAMES = (
    "_aggregate_item_by_item _attach_methods _binopt _build_f _clear_feature_hooks "
    "_convert_token_to_id_with_added_voc _detach_hooks _get_impl _getattr_wrapped _hasattr_wrapped _hash_categories "
    "_hook_for_profile _initialize _load_tensor _move_list_states_to_cpu _optimizer_step_code _patch_step_function "
    "_post_setstate _python_apply_general _rebuild_blknos_and_blklocs _register_feature_hooks _remove "
    "_remove_feature_hooks _reset_cache _reset_identity _scalar_binopt _set_codes _set_levels _set_names "
    "_unpickle_frame_compat _unpickle_matrix_compat _unpickle_panel_compat _unpickle_series_compat "
    "_unpickle_sparse_frame_compat _verify_integrity _with_data _wrap_compute _wrap_update append asformat astype "
    "close construct_from_string convert_ids_to_tokens convert_tokens_to_ids deserialize detach_hook "
    "dict_dtype_to_str equals extend free_network free_resource frombytes getH get_indexer get_matrices get_params "
    "get_trial_system_attrs getnnz getpalette implementation is_global join profile_hook_step prune putpalette "
    "register_buffer register_parameter set_param set_weight_bias sort_indices sum_duplicates sync to_dict "
    "to_diff_dict to_json_string toarray tobytes tocoo tocsr todense uncensor validate_categories wrap_output"
)
_OWN_METHODS = frozenset(_OWN_METHOD_NAMES.split())
"""Methods that vouched classes call of themselves, or of their parts, when they are restored, compared or deleted."""


def may_be_called(value: Value) -> bool:
    """Return True if calling *value* could do something."""
    if isinstance(value, Import):
        return not looks_like_class(value.name)
    if not isinstance(value, Obj) or value.kind is _CALLABLE:
        return isinstance(value, Obj)
    made = value.callee.module.partition(".")[0] if isinstance(value.callee, Import) else ""
    return value.kind is _OBJECT and value.known and made not in _NOT_CALLABLE  # an instance may be callable as well


_NOT_CALLABLE = frozenset(
    {
        "pandas",
        "numpy",
        "pyarrow",
        "polars",
        "xarray",
        "networkx",
        "datetime",
        "dateutil",
        "pytz",
        "zoneinfo",
        "decimal",
    }
)
"""Libraries whose objects cannot be called, by what they are for: models keep them under the names of methods too."""


INTERFACES = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})
"""Attributes that stand for an array at an address."""


def among(names: frozenset[str], named: dict[Key, Value]) -> list[str]:
    """Return those of *names* that are keys of *named*, in the time of the smaller of the two."""
    if len(named) < len(names):
        return [name for name in named if name in names]
    return [name for name in names if name in named]


def _nodes(root: tuple[Value, ...], sizes: dict[int, tuple[int, Value]], budget: Budget) -> int:
    """Return how many values hashing *root* looks at; *sizes* keeps the results, and the tuples themselves."""
    waiting = [root]
    while waiting:
        value = waiting[-1]
        if id(value) in sizes:  # waited for by several
            waiting.pop()
            continue
        budget.charge(3 + len(value))
        unknown = {id(part): part for part in value if type(part) is tuple and id(part) not in sizes}
        if unknown:
            waiting += unknown.values()
            continue
        waiting.pop()
        size = 1 + sum(sizes[id(part)][0] if type(part) is tuple else 1 for part in value)
        sizes[id(value)] = (min(size, _HASH_WORK + 1), value)
    return sizes[id(root)][0]


_SMALL = 16
_HASH_WORK = 100_000_000
"""Values that hashing keys may look at in one pickle: some seconds' worth."""
