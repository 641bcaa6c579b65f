"""Classes of libraries by exact name that the census alone does not vouch for, each group with its reason.

Compiled hooks, which can't be read; old names of libraries that were not read; and classes that are filled like a
dictionary, or whose state is checked.
"""

from __future__ import annotations

from picklewatch.catalogue.imports.entries import Check, Group, Kind, Use

LIBRARY_CLASSES: tuple[Group, ...] = (
    Group(
        reason="a compiled class that a pickler restores from numbers, arrays and classes of its own module; sizes are checked where they matter",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "scipy.spatial": "ConvexHull Delaunay KDTree Voronoi cKDTree",
            "scipy.spatial._ckdtree": "cKDTree",
            "scipy.spatial._kdtree": "KDTree",
            "scipy.spatial._qhull": "ConvexHull Delaunay Voronoi",
            "scipy.spatial.ckdtree": "cKDTree",
            "scipy.spatial.kdtree": "KDTree",
            "scipy.spatial.qhull": "ConvexHull Delaunay Voronoi",
            "sklearn.metrics._dist_metrics": "BrayCurtisDistance BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance "
            "CanberraDistance32 CanberraDistance64 ChebyshevDistance ChebyshevDistance32 "
            "ChebyshevDistance64 DiceDistance DiceDistance32 DiceDistance64 DistanceMetric "
            "DistanceMetric32 DistanceMetric64 EuclideanDistance EuclideanDistance32 EuclideanDistance64 "
            "HammingDistance HammingDistance32 HammingDistance64 HaversineDistance HaversineDistance32 "
            "HaversineDistance64 JaccardDistance JaccardDistance32 JaccardDistance64 KulsinskiDistance "
            "KulsinskiDistance32 KulsinskiDistance64 MahalanobisDistance MahalanobisDistance32 "
            "MahalanobisDistance64 ManhattanDistance ManhattanDistance32 ManhattanDistance64 "
            "MatchingDistance MatchingDistance32 MatchingDistance64 MinkowskiDistance "
            "MinkowskiDistance32 MinkowskiDistance64 RogersTanimotoDistance RogersTanimotoDistance32 "
            "RogersTanimotoDistance64 RussellRaoDistance RussellRaoDistance32 RussellRaoDistance64 "
            "SEuclideanDistance SEuclideanDistance32 SEuclideanDistance64 SokalMichenerDistance "
            "SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance SokalSneathDistance32 "
            "SokalSneathDistance64 WMinkowskiDistance",
            "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64 BinaryTree32 BinaryTree64",
            "sklearn.neighbors._dist_metrics": "BrayCurtisDistance CanberraDistance ChebyshevDistance DiceDistance DistanceMetric "
            "EuclideanDistance HammingDistance HaversineDistance JaccardDistance KulsinskiDistance "
            "MahalanobisDistance ManhattanDistance MatchingDistance MinkowskiDistance "
            "RogersTanimotoDistance RussellRaoDistance SEuclideanDistance SokalMichenerDistance "
            "SokalSneathDistance WMinkowskiDistance",
            "sklearn.neighbors._kd_tree": "BinaryTree32 BinaryTree64 KDTree KDTree32 KDTree64",
            "sklearn.neighbors.ball_tree": "BallTree BinaryTree",
            "sklearn.neighbors.dist_metrics": "BrayCurtisDistance CanberraDistance ChebyshevDistance DiceDistance DistanceMetric "
            "EuclideanDistance HammingDistance HaversineDistance JaccardDistance KulsinskiDistance "
            "MahalanobisDistance ManhattanDistance MatchingDistance MinkowskiDistance "
            "RogersTanimotoDistance RussellRaoDistance SEuclideanDistance SokalMichenerDistance "
            "SokalSneathDistance WMinkowskiDistance",
            "sklearn.neighbors.kd_tree": "BinaryTree KDTree",
        },
    ),
    Group(
        reason="an array or index of pandas, restored from arrays",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "pandas": "Categorical RangeIndex",
            "pandas.arrays": "DatetimeArray IntervalArray PeriodArray StringArray TimedeltaArray",
            "pandas.core.arrays.categorical": "Categorical",
            "pandas.core.arrays.datetimes": "DatetimeArray",
            "pandas.core.arrays.interval": "IntervalArray",
            "pandas.core.arrays.numpy_": "NumpyExtensionArray PandasArray",
            "pandas.core.arrays.period": "PeriodArray",
            "pandas.core.arrays.string_": "StringArray",
            "pandas.core.arrays.timedeltas": "TimedeltaArray",
            "pandas.core.indexes.datetimes": "DatetimeIndex",
            "pandas.core.indexes.period": "PeriodIndex",
            "pandas.core.indexes.range": "RangeIndex",
            "pandas.sparse.array": "SparseArray",
        },
    ),
    Group(
        reason="a model or a table that its own compiled reader restores",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "PIL.Image": "Image",
            "catboost.core": "CatBoost CatBoostClassifier CatBoostRanker CatBoostRegressor",
            "polars.dataframe.frame": "DataFrame",
            "polars.series.series": "Series",
        },
    ),
    Group(
        reason="a view of a graph's edges",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "networkx.classes.reportviews": "EdgeView InEdgeView InMultiEdgeView MultiEdgeView OutEdgeView OutMultiEdgeView",
        },
    ),
    Group(
        reason="a sparse matrix under an older module: arrays in __dict__",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "scipy.sparse.base": "spmatrix",
            "scipy.sparse.bsr": "bsr_matrix",
            "scipy.sparse.coo": "coo_matrix",
            "scipy.sparse.csc": "csc_matrix",
            "scipy.sparse.csr": "csr_matrix",
            "scipy.sparse.dia": "dia_matrix",
            "scipy.sparse.dok": "dok_matrix",
            "scipy.sparse.lil": "lil_matrix",
        },
    ),
    Group(
        reason="a class of a library that is not in the census, as its picklers name it: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "dragnet.features": "NormalizedFeature",
            "gym.spaces.box": "Box",
            "gym.spaces.dict": "Dict",
            "gym.spaces.discrete": "Discrete",
        },
    ),
    Group(
        reason="a dictionary with attributes",
        uses={Use.REFERENCE, Use.NEW},
        kind=Kind.DICT,
        names={
            "addict": "Dict",
            "addict.addict": "Dict",
            "attrdict": "AttrDict",
            "attrdict.dictionary": "AttrDict",
            "easydict": "EasyDict",
            "easydict.easydict": "EasyDict",
            "mmcv.utils.config": "ConfigDict",
            "mmengine.config.config": "ConfigDict",
            "munch": "DefaultMunch Munch",
            "yacs.config": "CfgNode",
        },
    ),
    Group(
        reason="data of a model of statsmodels; the formula in it is evaluated, and checked",
        uses={Use.REFERENCE, Use.NEW},
        check=Check.FORMULA,
        names={
            "statsmodels.base.data": "FormulaicData ModelData PandasData PatsyData",
            "statsmodels.tsa.ardl.model": "PandasData",
            "statsmodels.tsa.base.tsa_model": "PandasData",
            "statsmodels.tsa.exponential_smoothing.base": "PandasData",
            "statsmodels.tsa.forecasting.stl": "PandasData",
            "statsmodels.tsa.holtwinters.results": "PandasData",
            "statsmodels.tsa.regime_switching.markov_switching": "PandasData",
            "statsmodels.tsa.statespace.dynamic_factor_mq": "PandasData",
            "statsmodels.tsa.statespace.exponential_smoothing": "PandasData",
            "statsmodels.tsa.statespace.mlemodel": "PandasData",
        },
    ),
)
