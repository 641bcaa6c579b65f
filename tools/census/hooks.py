"""The hooks of a class: what an unpickler, a container or the collector calls of an instance by itself."""

from __future__ import annotations

SETSTATE = ("__setstate__", "__setstate_cython__")
HOOKS = (
    "__new__",
    "__init__",
    *SETSTATE,
    "__getattr__",
    "__getattribute__",
    "__setattr__",
    "__setitem__",
    "append",
    "extend",
    "add",
    "__hash__",
    "__eq__",
    "__del__",
)
"""Looked up on the class, in its MRO. Descriptors and the metaclass's ``__call__`` come on top."""
DESCRIPTOR = "descriptor"
METACLASS = "metaclass"
ONLY_RECORDED = frozenset({"__init__"})
"""Runs only where the pickle calls the class, which exact entries alone allow."""

OWN_NATIVE = frozenset({"builtins", "collections", "datetime", "decimal", "_decimal"})
"""Modules of the interpreter whose compiled hooks are part of what the theorem rests on."""
NOT_OWN = frozenset({("builtins", "BaseException", "__setstate__")})
"""Compiled hooks of the interpreter that act all the same: this one calls ``setattr`` for each key of the state."""
PASSIVE_NEW = frozenset({"object", "dict", "list", "set"})
"""Built-in types whose ``__new__`` does not look at the arguments."""
BASES = (
    "dict",
    "list",
    "tuple",
    "set",
    "frozenset",
    "str",
    "bytes",
    "bytearray",
    "int",
    "float",
    "complex",
    "type",
    "BaseException",
)
"""Built-in layouts, as a profile names them; ``bool`` and ``range`` can't be derived from."""
READ_MISSING = frozenset({"transformers.utils.generic.ExplicitEnum._missing_"})
"""``_missing_`` of enumerations that a person read: with a literal they compare it, and format it in an error."""
