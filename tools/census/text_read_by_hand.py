"""Functions that take part in making a class, and were read by a person: they leave its restoring alone.

Each is listed with the digests of the sources that were read (see `introspect.digest`): another source is not known.
"""

# ruff: noqa: SIM905 - names separated by blanks read better than a column of quotes

from __future__ import annotations

HARMLESS_STANDARD_DECORATORS = frozenset(
    {"functools.total_ordering", "typing.final", "typing.runtime_checkable", "enum.unique"}
)
"""Class decorators of the standard library: they return the class that they are given, and set no hook of it."""

_START = frozenset({"196666890cf88224", "b08aeee32edf7d7d", "9579256a06504b6e"})
_END = frozenset({"2a6b7cc41f2f1195", "d442ea9452da97d2", "25b955e68a8b33f6"})
_DEPRECATED = frozenset(
    """
    08eff0dc317366ce 2a2bd07b2c43e37d 80a90f1eb517e89c 0d9153ea76eb7baf d4d7b1b52f4fb52a a64f13a69f8e932b
    dbcf369c3abdc451 4abfe90ff4592a04 a630e020c6f194d8 12e9db8d9fe43a2c
    """.split()
)
"""From scikit-learn 1.3 on it sets ``__new__``; those sources are not here."""

HARMLESS_DECORATORS: dict[str, frozenset[str]] = {
    # set __doc__
    "transformers.file_utils.add_start_docstrings": _START,
    "transformers.file_utils.add_end_docstrings": _END,
    "transformers.utils.doc.add_start_docstrings": _START,
    "pytorch_transformers.modeling_utils.add_start_docstrings": _START,
    "pytorch_transformers.modeling_utils.add_end_docstrings": _END,
    # set an attribute of their own, and note the class in a table
    "e3nn.util.jit.compile_mode": frozenset({"cc6c22cdd064121f"}),
    "flair.embeddings.base.register_embeddings": frozenset({"7f9376303dca7024"}),
    # sets __init__, which warns and calls the class's own
    "sklearn.utils.deprecated": _DEPRECATED,
    "sklearn.utils.deprecation.deprecated": _DEPRECATED,
}
"""Class decorators of libraries."""

HARMLESS_INIT_SUBCLASS: dict[str, frozenset[str]] = {
    # wraps the methods transform and fit_transform
    "sklearn.utils._set_output._SetOutputMixin.__init_subclass__": frozenset({"90274790177d6fd7"}),
    # adds descriptors set_fit_request, … which have no __set__
    "sklearn.utils._metadata_requests._MetadataRequester.__init_subclass__": frozenset(
        {"153aa7b77b20dcdc", "7551dcf7accb2a47"}
    ),
    # registers functions beside the class
    "transformers.utils.generic.ModelOutput.__init_subclass__": frozenset({"6d9f7c04d532047c"}),
}
"""``__init_subclass__`` that set no hook of the class."""

HARMLESS_METHOD_DECORATORS = frozenset(
    """
    builtins.staticmethod builtins.classmethod abc.abstractmethod abc.abstractclassmethod abc.abstractstaticmethod
    contextlib.contextmanager functools.lru_cache functools.cache functools.wraps typing.overload typing.final
    functools.singledispatch typing.no_type_check functools.cached_property
    """.split()
)
"""Decorators of methods: what they return has no ``__set__``."""
