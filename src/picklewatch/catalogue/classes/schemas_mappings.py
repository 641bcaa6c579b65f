"""Mappings whose items are attributes, and small libraries around graphs, boosters and geometry."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, COMPILED, DATA, NAMES, Schema, data_and, each, spelt

_STATISTICS: Final = data_and(
    spelt("mmengine.logging.history_buffer", "HistoryBuffer"),
    spelt("mmengine.logging.history_buffer.HistoryBuffer", "min max mean current"),
)
"""The functions of the class, as protocol 4 names them and as ``getattr`` fetches them of the class."""
_ASKED: Final = each("__setstate__ append extend add", ABSENT)
_GRAPHS: Final = data_and(
    spelt("networkx networkx.classes", "Graph DiGraph MultiGraph MultiDiGraph"),
    "networkx.classes.graph.Graph networkx.classes.digraph.DiGraph networkx.classes.multigraph.MultiGraph "
    "networkx.classes.multidigraph.MultiDiGraph",
    spelt(
        "networkx.classes.reportviews",
        "NodeView NodeDataView EdgeView OutEdgeView InEdgeView MultiEdgeView OutMultiEdgeView InMultiEdgeView "
        "DegreeView DiDegreeView InDegreeView OutDegreeView MultiDegreeView DiMultiDegreeView InMultiDegreeView "
        "OutMultiDegreeView",
    ),
    spelt("networkx.classes.coreviews", "AtlasView AdjacencyView MultiAdjacencyView"),
)
"""Graphs and the views that they keep: the hook reads an attribute of a graph, which is its own."""


def _keyed(function: str, sources: dict[str, str]) -> Schema:
    """Return the schema of a ``__getattr__`` that returns the item of that name."""
    return Schema(
        function=function,
        why="returns self[name]: what stands under the names that the unpickler asks for would be called",
        sources=sources,
        looks=_ASKED,
        keyed=True,
    )


def _view(name: str, sources: dict[str, str]) -> Schema:
    """Return the schema of a view of a graph's edges."""
    return Schema(
        function=f"networkx.classes.reportviews.{name}.__setstate__",
        why="keeps the graph, of which older versions ask the neighbours, and the method items of a dict of them",
        sources=sources,
        looks={"_graph": _GRAPHS, "_adjdict": NAMES},
        state=ABSENT,
    )


SCHEMAS: Final[tuple[Schema, ...]] = (
    _keyed("yacs.config.CfgNode.__getattr__", {"11c69dfb975b92f7": "0.1.8"}),
    _keyed("munch.Munch.__getattr__", {"b4894785bc05aadc": "4.0.0"}),
    _keyed("lightning_fabric.utilities.data.AttributeDict.__getattr__", {"6a511cbe4c5e640f": "2.6.6"}),
    _keyed("scipy._lib._util._RichResult.__getattr__", {"ef03bd8b5d7d77ce": "1.17.1"}),
    _keyed("scipy.optimize.optimize.OptimizeResult.__getattr__", {"667d38d75ba93cb0": "1.5.4"}),
    Schema(
        function="munch.Munch.__setstate__",
        why="empties itself and takes the items of the state, one after the other",
        sources={"e5d50662395e324d": "4.0.0"},
        sets=False,
        rest=data_and("munch.Munch munch.DefaultMunch munch.AutoMunch"),
    ),
    Schema(
        function="easydict.EasyDict.__setitem__",
        why="makes mappings in a list or a dict its own class, whose methods find items as attributes",
        sources={"c743752f2d6fec86": "1.14"},
        rest=data_and("easydict.EasyDict"),
        items=data_and("easydict.EasyDict"),
    ),
    Schema(
        function="torch_geometric.data.storage.BaseStorage.__setstate__",
        why="moves each key into its __dict__ and makes a weak reference to the parent",
        sources={"9a90abc548a83c2f": "2.8.1"},
        sets=False,
        state=ABSENT,
    ),
    _view("OutEdgeView", {"fb066e3fa9067e14": "3.6.1", "09584ddb52b3079b": "2.4"}),
    _view("InEdgeView", {"fb066e3fa9067e14": "3.6.1", "25c81f9973b2573f": "2.4"}),
    _view("InMultiEdgeView", {"fb066e3fa9067e14": "3.6.1", "25c81f9973b2573f": "2.4"}),
    Schema(
        function="mmengine.logging.history_buffer.HistoryBuffer.__setstate__",
        why="adds statistics_methods to the table of its class, where every buffer of the process calls them from then "
        "on: they must be functions of the class itself; stores the rest; the table and the method that fills it are "
        "the class's own",
        sources={"6c48903895ddecb7": "0.10.7"},
        looks={"statistics_methods": _STATISTICS, **each("_set_default_statistics _statistics_methods", ABSENT)},
        state=ABSENT,
    ),
    Schema(
        function="catboost.core._CatBoostBase.__setstate__",
        why="hands the model's bytes to its native reader and keeps the rest as parameters",
        sources={"f44a5dce7b09845d": "1.2.10"},
        looks=each("__model _test_eval _test_evals _object _init_params", DATA),
        state=ABSENT,
    ),
    Schema(
        function="ngboost.api.NGBRegressor.__setstate__",
        why="with uncensor calls a method of the distribution, else as scikit-learn's BaseEstimator",
        sources={"9133766d3f237ab8": "0.6.0"},
        looks={"uncensor": ABSENT, "_sklearn_version": DATA},
    ),
    Schema(
        function="scipy.spatial._qhull._QhullUser.__del__",
        why="closes a native object that pickles do not hold",
        sources={COMPILED: "1.17.1"},
        looks={"_qhull": DATA, "close": ABSENT},
    ),
)
