"""madmom: layers of recurrent networks, and mixtures of older versions.

None of these classes has a ``__setattr__`` or ``__getattr__``, and an attribute that is there already is only moved.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, Schema, data_and, spelt

_VERSIONS: Final = "0.16.1 0.17.post1"
_CELL: Final = data_and(
    spelt("madmom.ml.nn.layers", "Cell GRUCell Gate"),
    spelt("madmom.ml.nn.activations", "elu linear relu sigmoid softmax tanh"),
)
"""A cell, whose bias is asked for its size where no initial state is, and the function that it keeps, as numpy is given
one for a size at worst, and refuses it."""

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="madmom.ml.nn.layers.RecurrentLayer.__setstate__",
        why="stores the state; without an initial state it makes an array of zeros as long as the bias",
        sources={"d444f07a4492e4b1": _VERSIONS},
        looks={"bias": DATA},
        state=ABSENT,
    ),
    Schema(
        function="madmom.ml.nn.layers.LSTMLayer.__setstate__",
        why="stores the state; without an initial state it makes arrays of zeros as long as the cell's bias",
        sources={"9ceffad110ad685b": _VERSIONS},
        looks={"cell": _CELL},
        state=ABSENT,
    ),
    Schema(
        function="madmom.ml.nn.layers.GRULayer.__setstate__",
        why="warns, renames a key of the state, then as LSTMLayer",
        sources={"674341ca834bde68": _VERSIONS},
        looks={"cell": _CELL},
        state=ABSENT,
    ),
    Schema(
        function="madmom.ml.gmm.GMM.__setstate__",
        why="warns, renames three keys of the state, and stores it",
        sources={"7b13d508b29e4715": _VERSIONS},
        state=ABSENT,
    ),
)
