"""pandas: tables, their managers, arrays, indexes and dates.

Restoring a manager asks every array and index for its length, type and shape, so nothing but pandas' own and data may
be there. The names are those of all versions since 0.15; a class that a version does not have cannot be imported.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, COMPILED, DATA, NAMES, Schema, data_and, each, spelt

_ARRAYS: Final = (
    "Categorical DatetimeArray TimedeltaArray PeriodArray IntervalArray IntegerArray FloatingArray BooleanArray "
    "StringArray "
    "ArrowStringArray ArrowStringArrayNumpySemantics StringArrayNumpySemantics ArrowExtensionArray SparseArray "
    "NumpyExtensionArray PandasArray"
)
_DTYPES: Final = (
    "CategoricalDtype DatetimeTZDtype PeriodDtype IntervalDtype SparseDtype StringDtype ArrowDtype BooleanDtype "
    "Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype Float32Dtype "
    "Float64Dtype "
    "NumpyEADtype PandasDtype"
)
_INDEXES: Final = (
    "Index RangeIndex MultiIndex CategoricalIndex DatetimeIndex TimedeltaIndex PeriodIndex IntervalIndex Int64Index "
    "UInt64Index Float64Index _new_Index _new_DatetimeIndex _new_PeriodIndex"
)
_SCALARS: Final = "Timestamp Timedelta Period Interval NaTType NAType NaT NA IntervalMixin"
_OFFSETS: Final = (
    "DateOffset Day Hour Minute Second Milli Micro Nano Tick Week WeekOfMonth LastWeekOfMonth Easter FY5253 "
    "FY5253Quarter "
    "BDay BusinessDay BusinessHour CDay CustomBusinessDay CustomBusinessHour BMonthBegin BMonthEnd "
    "BusinessMonthBegin "
    "BusinessMonthEnd CBMonthBegin CBMonthEnd CustomBusinessMonthBegin CustomBusinessMonthEnd MonthBegin MonthEnd "
    "SemiMonthBegin SemiMonthEnd QuarterBegin QuarterEnd BQuarterBegin BQuarterEnd YearBegin YearEnd BYearBegin "
    "BYearEnd"
)
_REBUILT: Final = (
    "_unpickle_block _unpickle_timestamp _nat_unpickle __nat_unpickle _period_unpickle _timedelta_unpickle "
    "__pyx_unpickle_NDArrayBacked __pyx_unpickle_IntervalMixin __pyx_unpickle_BlockIndex __pyx_unpickle_IntIndex"
)
_BLOCKS: Final = (
    "Block NumericBlock FloatBlock IntBlock ComplexBlock BoolBlock ObjectBlock DatetimeBlock DatetimeTZBlock "
    "TimeDeltaBlock "
    "CategoricalBlock SparseBlock NonConsolidatableBlock ExtensionBlock NumpyBlock DatetimeLikeBlock make_block "
    "new_block"
)

_NAMES: Final = (
    spelt("pandas pandas.arrays pandas.core.arrays pandas.core.categorical pandas.sparse.array", _ARRAYS),
    spelt(
        "pandas.core.arrays.categorical pandas.core.arrays.datetimes pandas.core.arrays.timedeltas "
        "pandas.core.arrays.period "
        "pandas.core.arrays.interval pandas.core.arrays.integer pandas.core.arrays.floating "
        "pandas.core.arrays.boolean "
        "pandas.core.arrays.string_ pandas.core.arrays.string_arrow pandas.core.arrays.arrow.array "
        "pandas.core.arrays.numpy_ "
        "pandas.core.arrays.sparse pandas.core.arrays.sparse.array pandas.core.arrays.sparse.dtype "
        "pandas.core.sparse.array",
        f"{_ARRAYS} {_DTYPES}",
    ),
    spelt(
        "pandas pandas.core.dtypes.dtypes pandas.core.arrays.arrow.dtype pandas.types.dtypes pandas.api.types",
        _DTYPES,
    ),
    spelt(
        "pandas pandas.core.index pandas.indexes.base pandas.indexes.range pandas.indexes.multi "
        "pandas.indexes.numeric "
        "pandas.indexes.category pandas.core.indexes.base pandas.core.indexes.range pandas.core.indexes.multi "
        "pandas.core.indexes.numeric pandas.core.indexes.category pandas.core.indexes.datetimes "
        "pandas.core.indexes.timedeltas pandas.core.indexes.period pandas.core.indexes.interval "
        "pandas.core.indexes.api "
        "pandas.tseries.index pandas.tseries.tdi pandas.tseries.period",
        _INDEXES,
    ),
    spelt(
        "pandas pandas.tslib pandas._period pandas._libs.tslib pandas._libs.period pandas._libs.interval "
        "pandas._libs.missing pandas._libs.tslibs.timestamps pandas._libs.tslibs.timedeltas "
        "pandas._libs.tslibs.period "
        "pandas._libs.tslibs.nattype pandas._libs.tslibs.offsets pandas._libs.arrays pandas._libs.internals "
        "pandas._libs.sparse pandas._interval",
        f"{_SCALARS} {_REBUILT}",
    ),
    spelt("pandas pandas.tseries.offsets pandas._libs.tslibs.offsets pandas.core.datetools", _OFFSETS),
    spelt("pandas._sparse pandas._libs.sparse pandas.sparse.array", "IntIndex BlockIndex"),
    spelt(
        "pandas.core.internals pandas.core.internals.managers pandas._libs.internals pandas.core.internals.blocks",
        f"BlockManager SingleBlockManager BlockPlacement {_BLOCKS}",
    ),
    spelt("pandas.core.base pandas.core.indexes.frozen", "FrozenNDArray FrozenList"),
    spelt("dateutil.relativedelta", "relativedelta weekday"),
    spelt("dateutil._common", "weekday"),
    spelt("numpy numpy.core._multiarray_umath", "busdaycalendar"),
    spelt(
        "pyarrow.lib",
        "_restore_array py_buffer type_for_alias chunked_array timestamp duration time32 time64 decimal128 "
        "decimal256 list_ "
        "large_list struct dictionary map_ binary field schema KeyValueMetadata",
    ),
)
OF_PANDAS: Final = data_and(*_NAMES)
"""Arrays, types, indexes, dates and managers of pandas and of Arrow: what they ask of each other is pandas' own code on
arrays, as long as nothing else is among what they hold."""

TABLES: Final = data_and(
    *_NAMES, spelt("pandas pandas.core.frame pandas.core.series pandas.core.api", "DataFrame Series")
)
"""What `OF_PANDAS` allows, and tables of it."""

_FRAME: Final = {
    **each("_metadata _internal_names _typ _flags", DATA),
    **each("attrs _attrs", NAMES),
    **each("index columns _internal_names_set _accessors _info_axis_name _set_axis __setstate__", ABSENT),
    "name": OF_PANDAS,
    "_name": OF_PANDAS,
    "_data": OF_PANDAS,
}


def _whole(function: str, why: str, sources: dict[str, str]) -> Schema:
    """Return the schema of a hook that may look at all of the state."""
    return Schema(function=function, why=why, sources=sources, rest=OF_PANDAS, state=OF_PANDAS)


_OLD: Final = tuple(
    _whole(
        f"pandas.{function}", "asks indexes and arrays for their type, length and shape, or sets each of them", sources
    )
    for function, sources in {
        "core.arrays.sparse.SparseArray.__setstate__": {"019e54144c217619": "0.25.3"},
        "core.categorical.Categorical.__setstate__": {
            "7db7e0aa824bafd0": "0.19.2",
            "79de059f3f7959d6": "0.20.3",
            "0489c40d18aa482b": "0.18.1",
        },
        "core.indexes.base.Index.__setstate__": {"0bbe83b238279ddc": "0.25.3", "61c11bf7772a657e": "0.20.3"},
        "core.indexes.multi.MultiIndex.__setstate__": {"09b27ff1b5d9f3cb": "0.25.3", "aa6f713699b3cd42": "0.20.3"},
        "core.internals.Block.__setstate__": {"c447ff2de29f2d3e": "0.19.2"},
        "core.internals.BlockManager.__setstate__": {"229af99fd89eed22": "0.19.2"},
        "core.internals.blocks.Block.__setstate__": {"c8b8dafe38797710": "0.25.3"},
        "core.internals.managers.BlockManager.__setstate__": {"87c971293c6e3cbc": "0.25.3"},
        "indexes.base.Index.__setstate__": {"61c11bf7772a657e": "0.19.2"},
        "indexes.multi.MultiIndex.__setstate__": {"aa6f713699b3cd42": "0.19.2"},
        "indexes.range.RangeIndex._data": {COMPILED: "0.19.2"},
        "sparse.array.SparseArray": {"11cd815f0dfe18e9": "0.19.2"},
        "sparse.array.SparseArray.__setstate__": {"11cd815f0dfe18e9": "0.19.2"},
        "tseries.index.DatetimeIndex.__setstate__": {"fb288504aeff59e9": "0.19.2"},
        "tseries.offsets.BusinessMixin.__setstate__": {"58ec8294dfa26097": "0.19.2"},
        "tseries.period.PeriodIndex.__setstate__": {"51e4af4fd4bac8b0": "0.19.2"},
    }.items()
)
"""Hooks of pandas before 1.0, whose states are tuples or dicts of indexes, arrays and numpy's own states."""


_OFFSET_HOOKS: Final = spelt(
    "tslibs.offsets",
    "BaseOffset.__setstate__ BaseOffset.__setstate_cython__ BusinessDay.__setstate__ BusinessHour.__setstate__ "
    "BusinessMixin.__setstate__ CustomBusinessDay.__setstate__ Easter.__setstate__ FY5253Mixin.__setstate__ "
    "FY5253Quarter.__setstate__ LastWeekOfMonth.__setstate__ MonthOffset.__setstate__ QuarterOffset.__setstate__ "
    "RelativeDeltaOffset.__setstate__ RelativeDeltaOffset.__setstate_cython__ SemiMonthOffset.__setstate__ "
    "Tick.__setstate__ Week.__setstate__ WeekOfMonth.__setstate__ YearOffset.__setstate__",
)
_DATE_HOOKS: Final = (
    "tslibs.period._Period.__setstate__ tslibs.timestamps._Timestamp.__setstate__ interval.IntervalMixin.__setstate__ "
    "interval.IntervalMixin.__setstate_cython__ interval.__pyx_unpickle_IntervalMixin "
    "sparse.SparseIndex.__setstate__ sparse.SparseIndex.__setstate_cython__ arrays.NDArrayBacked.__setstate_cython__"
)
_DATES: Final = tuple(
    replace(
        _whole(
            f"pandas._libs.{name}",
            "takes numbers, a zone, a calendar's days or another offset out of the state; its own fields are C's",
            {COMPILED: "2.3.3"},
        ),
        sets=False,
    )
    for name in f"{_OFFSET_HOOKS} {_DATE_HOOKS}".split()
)
"""Offsets, periods and dates, in Cython."""

SCHEMAS: Final[tuple[Schema, ...]] = (
    Schema(
        function="pandas.core.generic.NDFrame.__setstate__",
        why="keeps the manager without a look at it, and sets each key as object does, which runs the setters of the "
        "class: index and columns would ask the manager, as pandas before 1.0 does with _data, attrs copies a mapping, "
        "name is hashed; the flags are passed by name",
        sources={
            "6508583eaa55c6ca": "3.1.1",
            "208cf4f6223850c6": "2.3.3",
            "626d86867bca940c": "0.25.3",
            "ad818f92e3432b3c": "0.19.2",
            "8cdea755b19da923": "1.5.3",
        },
        looks=_FRAME,
        state=OF_PANDAS,
        assigns=True,
    ),
    *(
        Schema(
            function=f"pandas.{module}.SparseSeries.fill_value",
            why="gives the number to the block of the manager, which NDFrame.__setstate__ keeps without a look at it",
            sources=sources,
            looks={**each("_data _mgr", OF_PANDAS), "fill_value": DATA},
            state=OF_PANDAS,
        )
        for module, sources in (
            ("sparse.series", {"20fe37abebfdd918": "0.18.1 0.19.2"}),
            ("core.sparse.series", {"20fe37abebfdd918": "0.20.3 0.23.4", "776152e3c8791c19": "0.25.3"}),
        )
    ),
    Schema(
        function="pandas.core.generic.NDFrame.__setattr__",
        why="asks for the name in two containers of the class, then sets it as object does",
        sources={"bfa1d9b028ffbba6": "2.3.3"},
        looks=_FRAME,
        rest=OF_PANDAS,
    ),
    _whole(
        "pandas.core.internals.managers.SingleBlockManager.__setstate__",
        "takes arrays out of indexes, makes blocks of arrays and looks at their types and lengths",
        {"08e3e95cb6435dfb": "2.3.3", "0c801df18ac81b86": "1.5.3"},
    ),
    _whole(
        "pandas._libs.internals.BlockManager.__setstate__",
        "as SingleBlockManager, with several axes",
        {COMPILED: "2.3.3"},
    ),
    _whole(
        "pandas._libs.internals.Block.__setstate__", "takes the array out of an index and keeps it", {COMPILED: "2.3.3"}
    ),
    _whole(
        "pandas._libs.internals.SharedBlock.__setstate__",
        "takes the array out of an index and keeps it",
        {COMPILED: "2.3.3"},
    ),
    _whole(
        "pandas._libs.arrays.NDArrayBacked.__setstate__",
        "keeps array and type, and sets the rest of the state, for freq and others by a setter of the class",
        {COMPILED: "2.3.3"},
    ),
    _whole(
        "pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",
        "makes an array, to which its __setstate__ is asked",
        {COMPILED: "2.3.3"},
    ),
    _whole(
        "pandas._libs.internals._unpickle_block",
        "makes a block of an array",
        {COMPILED: "2.3.3"},
    ),
    _whole(
        "pandas.core.arrays.categorical.Categorical.__setstate__",
        "makes the type of categories, which asks the index whether they are unique, then as NDArrayBacked",
        {"bea3e2a8f5463655": "2.3.3", "6c033a00627b84fa": "0.25.3", "dfbc59de1e1eb288": "0.23.4"},
    ),
    _whole(
        "pandas.core.arrays.sparse.array.SparseArray.__setstate__",
        "stores the state; of a tuple, as pandas before 0.24 wrote, makes an array and a type",
        {"a847a5536db9eca0": "2.3.3"},
    ),
    _whole(
        "pandas.core.arrays.arrow.array.ArrowExtensionArray.__setstate__",
        "joins the chunks of an array of Arrow, which asks each for its type, and stores the rest",
        {"53a410b5cf19592d": "3.1.1", "e7e0ba96ac7b60ab": "2.3.3"},
    ),
    _whole(
        "pandas.core.arrays.categorical.Categorical.dtype",
        "a getter that returns the type",
        {"95099c771fe4999b": "0.25.3", "08dd5b7b2a5d6751": "0.23.4"},
    ),
    Schema(
        function="pandas.tseries.offsets.CustomBusinessDay.__setstate__",
        why="makes the state its own, and a calendar of numpy's of the days in it by two methods of its own",
        sources={"ce206ca03f6d113a": "0.18.1"},
        looks=each("get_calendar _to_dt64", ABSENT),
        rest=OF_PANDAS,
        state=ABSENT,
    ),
    *_DATES,
    *_OLD,
)
