"""The vocabulary of the lists: entries, and the enumerations that they are written in.

Every member of the enumerations is handled somewhere in `picklewatch.analysis.pickle`: `tests/unit/test_pickle_types.py`
fails for one that is only defined. Code that runs for each opcode gives the members names of its own: Python 3.11 looks
up `Kind.DICT` through ``EnumType.__getattr__``, which takes as long as three opcodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Status(StrEnum):
    """The classes of imports, from the best to the worst."""

    VOUCHED = "vouched"
    """Harmless for the uses that its entry names."""
    FOREIGN = "foreign"
    """Of a library, and on no list."""
    TOMBSTONE = "tombstone"
    """The name that our own quarantine leaves behind."""
    INDIRECT = "indirect"
    """Calls what it is given as an argument."""
    STDLIB = "stdlib"
    """Of the standard library, and not vouched for."""
    DOTTED = "dotted"
    """A walk over attributes, or a name that cannot be known."""
    CODE = "code"
    """Rebuilds Python code (cloudpickle, dill)."""
    DENIED = "denied"
    """A known way to run code, or to reach files or the network."""
    SELF_TEST = "self-test"
    """picklewatch's own harmless test file."""


class Use(StrEnum):
    """One use of an import that an entry can vouch for."""

    REFERENCE = "reference"
    """To be referenced without being called."""
    NEW = "new"
    """To be instantiated by ``__new__`` alone and given any state by BUILD."""
    CALL = "call"
    """To be called with any arguments that its check lets pass."""
    MEMBER = "member"
    """To be called with one plain literal, as pickled members of an enumeration are."""


class Kind(StrEnum):
    """The kind of value that a call returns; it determines which opcodes may follow (see `semantics.kinds`)."""

    OBJECT = "object"
    """An instance of a class that stores what it is given."""
    ATOM = "atom"
    """A number, a text, a tuple, a shape: nothing fills it."""
    DONE = "done"
    """What a function returned, which may be something that it was given: nothing fills it."""
    ARGUMENT = "argument"
    """The first argument itself, which the function returns."""
    LIST = "list"
    DICT = "dict"
    SET = "set"
    BYTEARRAY = "bytearray"
    WRAPPER = "wrapper"
    """A ``ChainMap``, ``UserDict`` or ``UserList``: filling it would fill what an attribute holds, whatever that is."""
    CALLABLE = "callable"
    """A callable that keeps a call for later (``partial``, ``getattr``, ``attrgetter``)."""
    SHARED = "shared"
    """An object that belongs to the whole process (a logger): it must not change."""
    CODE = "code"
    """Rebuilt Python code."""
    UNKNOWN = "unknown"
    """What an unknown callable returned."""
    DTYPE = "dtype"
    NDARRAY = "ndarray"
    """An array that BUILD fills."""
    NDARRAY_DONE = "ndarray-done"
    """An array that is complete already."""
    SCALAR = "scalar"
    """A number of numpy's."""
    ARRAY_WRAPPER = "array-wrapper"
    """joblib's announcement of an array whose bytes follow in line."""
    ARRAY_FILE = "array-file"
    """joblib's name of a file that holds an array."""
    TENSOR = "tensor"
    PARAMETER = "parameter"
    STORAGE = "storage"


class Takes(StrEnum):
    """What may be among the arguments of a call; any other object would be asked by methods of its own.

    Constants, Python's own containers of what is allowed, and classes, which name types, may always be there.
    """

    OWN = "own"
    """Arrays and other values that native code restores, objects of the function's own library, and of those that it
    works with."""
    CONSTANTS = "constants"
    """Numbers, texts, element types and times: no array."""
    ITEMS = "items"
    """Anything: the function walks over its arguments and keeps the items, so only what answers that itself counts."""
    ANYTHING = "anything"
    """Anything: the function keeps its arguments, or they have a check of their own."""


class Check(StrEnum):
    """The check of the arguments of a call; `checks.registry` maps each to its function."""

    BOUNDED = "bounded"
    # Python's own functions
    ALIAS = "alias"
    ENCODE = "encode"
    FACTORY = "factory"
    GETATTR = "getattr"
    GETITEM = "getitem"
    GETTER = "getter"
    ITERATOR = "iterator"
    MAPPING = "mapping"
    NEWOBJ = "newobj"
    NUMBER = "number"
    PARTIAL = "partial"
    PATTERN = "pattern"
    RECONSTRUCTOR = "reconstructor"
    REDUCE = "reduce"
    SETATTR = "setattr"
    TYPE_OF = "type_of"
    TZFILE = "tzfile"
    # libraries
    ARROW = "arrow"
    FORMULA = "formula"
    INDEX_CLASS = "index_class"
    BLOCK = "block"
    JAX_ARRAY = "jax_array"
    LOAD_FROM_BYTES = "load_from_bytes"
    MASKED = "masked"
    NP_FROMBUFFER = "np_frombuffer"
    NP_RANDOM = "np_random"
    NP_RECONSTRUCT = "np_reconstruct"
    NP_SCALAR = "np_scalar"
    STATE_SPACE = "state_space"
    TORCH_FROM_TYPE = "torch_from_type"
    TORCH_PLAIN = "torch_plain"
    TORCH_TENSOR = "torch_tensor"
    TREE = "tree"
    UFUNC = "ufunc"
    UNIT_CLASS = "unit_class"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Imports that are harmless for the same reason, by exact name."""

    reason: str
    uses: AbstractSet[Use]
    kind: Kind | None = None
    """None for an instance of a class, or else for what a function returns that nothing fills."""
    check: Check | None = None
    """A check of the arguments that every call must pass as well."""
    takes: Takes = Takes.OWN
    looks: tuple[int, int | None] = (0, None)
    """The first argument that `takes` is about, and the one after the last: the function only keeps the others, or a
    check looks at them."""
    names: dict[str, str] = field(default_factory=dict)
    """Module → names, separated by blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Imports that no model needs, for the same reason."""

    rule: str
    reason: str
    """Ends the sentence "… can be called to": what calling it does."""
    modules: str = ""
    """Whole modules with all below them, separated by blanks."""
    names: dict[str, str] = field(default_factory=dict)
    """Module → names, separated by blanks."""
