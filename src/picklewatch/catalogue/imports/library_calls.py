"""Classes and functions of libraries that a pickle may call, by exact name, each group with its reason.

Gathered from the census, old versions as text, and what honest files name; a name that is missing costs a finding.
"""

from __future__ import annotations

from picklewatch.catalogue.imports.entries import Check, Group, Kind, Use

LIBRARY_CALLS: tuple[Group, ...] = (
    Group(
        reason="makes an instance of a class without calling its __init__",
        uses={Use.CALL},
        check=Check.NEWOBJ,
        names={
            "sklearn.metrics._dist_metrics": "newObj",
            "sklearn.neighbors.dist_metrics": "newObj",
            "sklearn.neighbors._dist_metrics": "newObj",
            "sklearn.neighbors.ball_tree": "newObj",
            "sklearn.neighbors.kd_tree": "newObj",
            "sklearn.neighbors._ball_tree": "newObj",
            "sklearn.neighbors._kd_tree": "newObj",
        },
    ),
    Group(
        reason="Cython classes of scikit-learn's trees, made from numbers and arrays whose sizes are compared",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        check=Check.TREE,
        names={
            "sklearn.tree._criterion": "ClassificationCriterion Criterion Entropy FriedmanMSE Gini MAE MSE Poisson RegressionCriterion",
            "sklearn.tree._splitter": "BestSparseSplitter BestSplitter RandomSparseSplitter RandomSplitter Splitter",
            "sklearn.tree._tree": "Tree",
        },
    ),
    Group(
        reason="losses of scikit-learn, made from numbers, also as its own builds name the module; its Cython classes",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        names={
            "sklearn._loss._loss": "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss "
            "CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss "
            "CyLossFunction CyPinballLoss",
            "_loss": "CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss "
            "CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss "
            "CyLossFunction CyPinballLoss",
            "sklearn.linear_model._sgd_fast": "Classification EpsilonInsensitive Hinge Huber Log ModifiedHuber Regression "
            "SquaredEpsilonInsensitive SquaredHinge SquaredLoss",
            "sklearn.linear_model.sgd_fast": "Classification EpsilonInsensitive Hinge Huber Log ModifiedHuber Regression "
            "SquaredEpsilonInsensitive SquaredHinge SquaredLoss",
        },
    ),
    Group(
        reason="restores a Cython class of scikit-learn without attributes; the others believe that a state has all its parts",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        names={
            "sklearn._loss._loss": "__pyx_unpickle_CyHalfMultinomialLoss",
            "sklearn.linear_model._sgd_fast": "__pyx_unpickle_Classification __pyx_unpickle_Regression",
            "sklearn.metrics._dist_metrics": "__pyx_unpickle_DistanceMetric",
        },
    ),
    Group(
        reason="NLTK's counts: a Counter, or a defaultdict of them, that forgets a sum when an item is set; called with plain data",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        names={
            "nltk.probability": "FreqDist ConditionalFreqDist",
        },
    ),
    Group(
        reason="a configuration of diffusers: an OrderedDict that makes attributes of its items, and then takes no more",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        names={
            "diffusers.configuration_utils": "FrozenDict",
        },
    ),
    Group(
        reason="scikit-learn's Bunch, a dict with attributes",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        names={
            "sklearn.utils": "Bunch",
            "sklearn.utils._bunch": "Bunch",
            "sklearn.datasets.base": "Bunch",
        },
    ),
    Group(
        reason="pandas' own rebuilding functions for indexes, blocks, periods and timestamps: they take numbers and arrays",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        names={
            "pandas._libs.arrays": "__pyx_unpickle_NDArrayBacked",
            "pandas._libs.interval": "__pyx_unpickle_IntervalMixin",
            "pandas._libs.missing": "__pyx_unpickle_C_NAType",
            "pandas._libs.sparse": "__pyx_unpickle_SparseIndex",
            "pandas._libs.tslibs.nattype": "__nat_unpickle _nat_unpickle __pyx_unpickle__NaT",
            "pandas._libs.tslibs.offsets": "__pyx_unpickle_BaseOffset __pyx_unpickle_RelativeDeltaOffset",
            "pandas._libs.tslibs.timedeltas": "__pyx_unpickle__Timedelta _timedelta_unpickle",
            "pandas._libs.tslibs.timestamps": "_unpickle_timestamp",
            "pandas.tslib": "__nat_unpickle",
        },
    ),
    Group(
        reason="pandas' makers of indexes: they make an instance of the class they are given, with arguments from the file",
        uses={Use.CALL},
        check=Check.INDEX_CLASS,
        names={
            "pandas.core.index": "_new_Index",
            "pandas.core.indexes.base": "_new_Index",
            "pandas.core.indexes.datetimes": "_new_DatetimeIndex",
            "pandas.core.indexes.interval": "_new_IntervalIndex",
            "pandas.core.indexes.period": "_new_PeriodIndex",
            "pandas.indexes.base": "_new_Index",
            "pandas.tseries.index": "_new_DatetimeIndex",
        },
    ),
    Group(
        reason="pandas' scalars, offsets and types, made from numbers and names",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        names={
            "pandas": "ArrowDtype BooleanDtype CategoricalDtype DateOffset DatetimeTZDtype Float32Dtype Float64Dtype "
            "Int16Dtype Int32Dtype Int64Dtype Int8Dtype Interval IntervalDtype Period PeriodDtype "
            "SparseDtype StringDtype Timedelta Timestamp UInt16Dtype UInt32Dtype UInt64Dtype UInt8Dtype",
            "pandas._libs": "Interval NaTType Period Timedelta Timestamp",
            "pandas._libs.interval": "Interval",
            "pandas._libs.missing": "NAType",
            "pandas._libs.sparse": "BlockIndex IntIndex",
            "pandas._libs.tslibs": "BaseOffset NaTType Period Tick Timedelta Timestamp",
            "pandas._libs.tslibs.nattype": "NaTType",
            "pandas._libs.tslibs.offsets": "BMonthBegin BMonthEnd BQuarterBegin BQuarterEnd BYearBegin BYearEnd BaseOffset BusinessDay "
            "BusinessHour BusinessMonthBegin BusinessMonthEnd CustomBusinessDay CustomBusinessHour "
            "CustomBusinessMonthBegin CustomBusinessMonthEnd DateOffset Day Easter FY5253 FY5253Mixin "
            "FY5253Quarter Hour LastWeekOfMonth Micro Milli Minute MonthBegin MonthEnd MonthOffset Nano "
            "QuarterBegin QuarterEnd QuarterOffset Second SemiMonthBegin SemiMonthEnd SemiMonthOffset Tick "
            "Week WeekOfMonth YearBegin YearEnd YearOffset _CustomBusinessMonth",
            "pandas._libs.tslibs.period": "Period _Period",
            "pandas._libs.tslibs.timedeltas": "Timedelta _Timedelta",
            "pandas._libs.tslibs.timestamps": "Timestamp _Timestamp",
            "pandas._period": "Period",
            "pandas._sparse": "BlockIndex",
            "pandas.core.arrays.boolean": "BooleanDtype",
            "pandas.core.arrays.floating": "Float32Dtype Float64Dtype FloatingDtype",
            "pandas.core.arrays.integer": "Int16Dtype Int32Dtype Int64Dtype Int8Dtype IntegerDtype UInt16Dtype UInt32Dtype UInt64Dtype "
            "UInt8Dtype _IntegerDtype",
            "pandas.core.arrays.numeric": "NumericDtype",
            "pandas.core.arrays.numpy_": "PandasDtype",
            "pandas.core.arrays.string_": "StringDtype",
            "pandas.core.dtypes.base": "ExtensionDtype StorageExtensionDtype",
            "pandas.core.dtypes.dtypes": "ArrowDtype BaseMaskedDtype CategoricalDtype DatetimeTZDtype ExtensionDtype IntervalDtype "
            "NumpyEADtype PandasExtensionDtype PeriodDtype SparseDtype",
            "pandas.tseries.interval": "Interval",
            "pandas.tseries.offsets": "BMonthBegin BMonthEnd BQuarterBegin BQuarterEnd BYearBegin BYearEnd BaseOffset BusinessDay "
            "BusinessHour BusinessMonthBegin BusinessMonthEnd CustomBusinessDay CustomBusinessHour "
            "CustomBusinessMonthBegin CustomBusinessMonthEnd DateOffset Day Easter FY5253 FY5253Quarter Hour "
            "LastWeekOfMonth Micro Milli Minute MonthBegin MonthEnd MonthOffset Nano QuarterBegin QuarterEnd "
            "QuarterOffset Second SemiMonthBegin SemiMonthEnd SemiMonthOffset Tick Week WeekOfMonth "
            "YearBegin YearEnd YearOffset",
            "pandas.tslib": "Timestamp",
        },
    ),
    Group(
        reason="pandas' missing value and not-a-time",
        uses={Use.REFERENCE, Use.CALL},
        names={
            "pandas": "NA NaT",
            "pandas._libs": "NaT",
            "pandas._libs.missing": "NA",
            "pandas._libs.tslibs": "NaT",
            "pandas._libs.tslibs.nattype": "NaT",
        },
    ),
    Group(
        reason="pandas' makers of blocks from an array and its columns, which are looked at",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        check=Check.BLOCK,
        names={
            "pandas._libs.internals": "_unpickle_block",
            "pandas.core.internals": "make_block",
            "pandas.core.internals.api": "make_block",
            "pandas.core.internals.blocks": "new_block",
        },
    ),
    Group(
        reason="pandas' managers of blocks",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        names={
            "pandas.core.internals": "BlockManager SingleBlockManager",
            "pandas.core.internals.managers": "BlockManager SingleBlockManager",
        },
    ),
    Group(
        reason="geometry from well-known binary, parsed by GEOS",
        uses={Use.REFERENCE, Use.CALL},
        names={
            "shapely": "from_wkb",
            "shapely.io": "from_wkb",
            "shapely.lib": "from_wkb",
            "shapely.wkb": "loads",
        },
    ),
    Group(
        reason="Cython state spaces of statsmodels, made from arrays whose shapes they compare",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        names={
            "statsmodels.tsa.statespace._initialization": "cInitialization dInitialization sInitialization zInitialization",
            "statsmodels.tsa.statespace._representation": "cStatespace dStatespace sStatespace zStatespace",
        },
    ),
    Group(
        reason="Kalman filters of statsmodels, made from a state space",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        check=Check.STATE_SPACE,
        names={
            "statsmodels.tsa.statespace._kalman_filter": "cKalmanFilter dKalmanFilter sKalmanFilter zKalmanFilter",
            "statsmodels.tsa.statespace._kalman_smoother": "cKalmanSmoother dKalmanSmoother sKalmanSmoother zKalmanSmoother",
        },
    ),
    Group(
        reason="Cython smoothers of statsmodels, which models name; made without a state space, they crash",
        uses={Use.REFERENCE},
        names={
            "statsmodels.tsa.statespace._cfa_simulation_smoother": "cCFASimulationSmoother dCFASimulationSmoother sCFASimulationSmoother zCFASimulationSmoother",
            "statsmodels.tsa.statespace._simulation_smoother": "cSimulationSmoother dSimulationSmoother sSimulationSmoother zSimulationSmoother",
        },
    ),
    Group(
        reason="arrays of Arrow, rebuilt from buffers; whether these are long enough is checked",
        uses={Use.CALL},
        check=Check.ARROW,
        names={
            "pyarrow.lib": "_restore_array",
        },
    ),
    Group(
        reason="arrays of Arrow, rebuilt from buffers",
        uses={Use.REFERENCE, Use.CALL},
        names={
            "pyarrow.lib": "_reconstruct_record_batch _reconstruct_table chunked_array dictionary field list_ py_buffer "
            "schema struct timestamp type_for_alias",
        },
    ),
    Group(
        reason="time zones of pytz and dateutil, read from their own data",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        names={
            "dateutil.relativedelta": "relativedelta",
            "dateutil.tz": "UTC tzlocal tzoffset tzutc",
            "dateutil.tz.tz": "UTC tzlocal tzoffset tzutc",
            "pytz": "FixedOffset UTC _FixedOffset _UTC _p",
            "pytz.reference": "FixedOffset",
        },
    ),
    Group(
        reason="a time zone whose transitions are in the pickle; a file is opened only when one is handed over",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        check=Check.TZFILE,
        names={
            "dateutil.tz": "tzfile",
            "dateutil.tz._tzfile": "tzfile",
        },
    ),
    Group(
        reason="a time zone from the transitions that are in the pickle; its file name is only kept",
        uses={Use.REFERENCE, Use.CALL},
        names={
            "dateutil.tz._tzfile": "_unpickle",
        },
    ),
)
