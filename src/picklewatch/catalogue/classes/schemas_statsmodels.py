"""statsmodels: models evaluate their formula again when they are restored."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, COMPILED, DATA, TEXT, Schema, data_and, each, spelt
from picklewatch.catalogue.classes.schemas_pandas import TABLES

_PARTS: Final = (
    "_representation.{}Statespace _initialization.{}Initialization _kalman_filter.{}KalmanFilter "
    "_kalman_smoother.{}KalmanSmoother _simulation_smoother.{}SimulationSmoother "
    "_cfa_simulation_smoother.{}CFASimulationSmoother"
)
_COMPILED: Final = " ".join(_PARTS.format(*6 * [size]) for size in "sdcz")
_OF_FILTERS: Final = data_and(spelt("statsmodels.tsa.statespace", _COMPILED))
"""State-space models in Cython: a filter is made with its model, a smoother with its filter."""

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="statsmodels.base.data.ModelData.__setstate__",
        why="with restore_model_spec has patsy or formulaic evaluate the formula (checks/statsmodels_formulas "
        "admits names, "
        "numbers and the usual transformations) over the columns of a table, else only stores",
        sources={"06e1033e2d9ea3bd": "0.15.0", "7757c4b835cb0079": "0.12.2", "01d554ea366816dd": "0.9.0"},
        looks={
            "formula": TEXT,
            "frame": TABLES,
            "orig_endog": TABLES,
            "orig_exog": TABLES,
            "restore_model_spec": DATA,
            "restore_design_info": DATA,
        },
        state=ABSENT,
    ),
    Schema(
        function="statsmodels.base.wrapper.ResultsWrapper.__getattribute__",
        why="looks a name up as object does and finds __dict__ and __setstate__ of its class; for append, extend "
        "and add it "
        "would ask the results: they must not be set either",
        sources={"28af55151d774a94": "0.15.0", "b6de96407b7da6c2": "0.9.0"},
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
    *(
        Schema(
            function=f"statsmodels.tsa.statespace.{name}.{hook}",
            why="takes arrays, numbers and the model or filter, whose types Cython checks, into typed fields",
            sources={COMPILED: "0.15.0"},
            rest=_OF_FILTERS,
            state=_OF_FILTERS,
        )
        for name in _COMPILED.split()
        for hook in ("__new__", "__setstate__")
    ),
)
