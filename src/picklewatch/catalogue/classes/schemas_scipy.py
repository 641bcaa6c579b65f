"""scipy: distributions run a template of code when they are restored."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, TEXT, Schema, each

_METHODS: Final = (
    "_attach_methods _attach_argparser_methods _ppf_single _cdf_single _entropy _mom0_sc _mom1_sc _stats _pdf _pmf "
    "_cdf "
    "_construct_argparser _construct_doc _construct_default_doc __init__"
)
"""What ``_attach_methods`` takes of the distribution itself; `numpy.vectorize` compares and names each."""

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="scipy.stats._distn_infrastructure.rv_generic.__setstate__",
        why="stores the state, executes _parse_arg_template (checks/scipy_distributions compares it with what scipy "
        "writes) and wraps methods of its class; a tuple, as scipy before 1.6 wrote, has dict.update make "
        "attributes of "
        "its pairs, the template among them, or reads the signatures of what it sets: none may be there",
        sources={"53d0d5900a93bc9a": "1.17.1"},
        looks={
            "_parse_arg_template": TEXT,
            "numargs": DATA,
            "moment_type": DATA,
            **each(_METHODS, ABSENT),
        },
        state=ABSENT,
    ),
    Schema(
        function="scipy.interpolate._rbfinterp.RBFInterpolator.__setstate__",
        why="unpacks a tuple of arrays and asks which library they are of",
        sources={"40c32ebeeeca37f1": "1.17.1"},
        rest=DATA,
    ),
    Schema(
        function="scipy.spatial.transform._rotation.Rotation.__setstate__",
        why="unpacks an array and a flag, and copies the array",
        sources={"61e1622beb183985": "1.17.1"},
        rest=DATA,
    ),
    Schema(
        function="scipy.sparse.base.spmatrix.__getattr__",
        why="computes for names that restoring does not ask for, and raises for any other",
        sources={"8c1414ae083277b9": "1.2.3 1.5.4"},
    ),
)
