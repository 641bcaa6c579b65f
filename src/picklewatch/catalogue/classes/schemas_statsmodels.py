"""statsmodels: models evaluate their formula again when they are restored."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.schema import ABSENT, DATA, TEXT, Schema, each
from picklewatch.catalogue.classes.schemas_pandas import OF_PANDAS

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="statsmodels.base.data.ModelData.__setstate__",
        why="with restore_model_spec has patsy or formulaic evaluate the formula (checks/statsmodels_formulas "
        "admits names, "
        "numbers and the usual transformations) over the columns of a table, else only stores",
        sources={"06e1033e2d9ea3bd": "0.15.0"},
        looks={
            "formula": TEXT,
            "frame": OF_PANDAS,
            "orig_endog": OF_PANDAS,
            "orig_exog": OF_PANDAS,
            "restore_model_spec": DATA,
        },
    ),
    Schema(
        function="statsmodels.base.wrapper.ResultsWrapper.__getattribute__",
        why="looks a name up as object does and finds __dict__ and __setstate__ of its class; for append, extend "
        "and add it "
        "would ask the results: they must not be set either",
        sources={"28af55151d774a94": "0.15.0"},
        looks=each("__setstate__ append extend add", ABSENT),
    ),
    Schema(
        function="statsmodels.discrete.discrete_model.NegativeBinomial.__setstate__",
        why="stores the state and, by the text of loglike_method, sets bound methods of its class",
        sources={"1ba01b950535c56f": "0.15.0"},
        looks={
            "loglike_method": DATA,
            "_initialize": ABSENT,
        },
    ),
)
