"""Hooks that were read and found to do no more than take data apart: what is below them must be data.

Without an entry they may have data as well; an entry says that somebody looked whether data alone does harm.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import COMPILED, DATA, UNSEEN, Permitted, Schema

_NATIVE: Final = "moves numbers, texts and arrays into typed fields, in compiled code that checks their types"
_READS: Final = "hands bytes to the library's own native reader"
_UNPACKS: Final = "unpacks data into attributes and calls the library's own functions on it"


def _data(function: str, why: str, sources: dict[str, str], *, assigns: bool = False) -> Schema:
    """Return the schema of a hook that may be given data."""
    return Schema(function=function, why=why, sources=sources, rest=DATA, items=DATA, assigns=assigns)


_SKLEARN: Final = (
    "tree._tree.Tree neighbors._quad_tree._QuadTree linear_model._sgd_fast.Classification "
    "linear_model._sgd_fast.Regression"
)


def _spatial(function: str, rest: Permitted = DATA) -> Schema:
    """Return the schema of scipy's tree of points; `checks.scipy_kdtree` looks at the nodes in its tuple."""
    why = "takes a tuple of nodes and arrays into typed fields, and follows the nodes; a dict has no such parts"
    return Schema(
        function=function, why=why, sources={COMPILED: "1.17.1"}, rest=rest, items=DATA, lengths=frozenset({8, 10})
    )


SCHEMAS: Final[tuple[Schema, ...]] = (
    *(
        _data(f"sklearn.{name}.{hook}", _NATIVE, {COMPILED: "1.9.1"})
        for name in _SKLEARN.split()
        for hook in ("__setstate__", "__setstate_cython__")
    ),
    _spatial("scipy.spatial._ckdtree.cKDTree.__setstate__"),
    _spatial("scipy.spatial.ckdtree.cKDTree"),
    _spatial("scipy.spatial.kdtree.KDTree", UNSEEN),  # a class of plain Python, with nodes of its own, before 1.6
    _data(
        "builtins.BaseException.__setstate__",
        "sets each attribute, args by making a tuple of it",
        {COMPILED: "3.11"},
        assigns=True,
    ),
    _data("polars.dataframe.frame.DataFrame.__setstate__", _READS, {"6c443b83bade6cd9": "2.1.0"}),
    _data("polars.series.series.Series.__setstate__", _READS, {"8faffe39a8f260ca": "2.1.0"}),
    _data("PIL.Image.Image.__setstate__", _UNPACKS, {"edb8ebc04998e554": "13.0.0"}),
    _data("PIL.ImageFile.ImageFile.__setstate__", _UNPACKS, {"03afe6cc88ea44c1": "13.0.0"}),
    _data("PIL.JpegImagePlugin.JpegImageFile.__setstate__", _UNPACKS, {"abd5380b6018fa4b": "13.0.0"}),
    _data("PIL.TiffImagePlugin.IFDRational.__setstate__", _UNPACKS, {"2c3c30931a5b89de": "13.0.0"}),
    _data("gymnasium.spaces.box.Box.__setstate__", _UNPACKS, {"9336d753a7bd7679": "1.4.0"}),
    _data("gymnasium.spaces.discrete.Discrete.__setstate__", _UNPACKS, {"dc97c94630e656c2": "1.4.0"}),
    _data("gymnasium.spaces.multi_discrete.MultiDiscrete.__setstate__", _UNPACKS, {"56fd1d2085a12ce0": "1.4.0"}),
    _data("sympy.core.basic.Basic.__setstate__", _UNPACKS, {"b8658e0c373098c4": "2.14.1"}, assigns=True),
    _data("random.Random.__setstate__", _UNPACKS, {"cdbf6f8d12a33531": "3.6.1"}),
    _data("dateutil.rrule.rrulebase.__setstate__", _UNPACKS, {"7101dc96fa3413b4": "4.0.0"}, assigns=True),
)
