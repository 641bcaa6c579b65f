"""What calls return that is no new object: their argument, what the process shares, and what may be called in turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.analysis.pickle.vm.values import Import, Obj
from picklewatch.catalogue.imports.entries import Kind, Status

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.vm.values import Value


def batch(callee: Obj, args: Value, offset: int) -> Obj | None:
    """Return the class that PyTorch Geometric's ``DynamicInheritanceGetter()(Batch, Data)`` makes, called as meant."""
    getter = callee.callee
    meant = isinstance(getter, Import) and getter.key == "torch_geometric.data.batch.DynamicInheritanceGetter"
    classes = args if meant and callee.state is None and isinstance(args, tuple) else ()
    if classes and all(
        isinstance(one, Import)
        and one.judged.status is Status.VOUCHED
        and one.module.startswith("torch_geometric.data.")
        for one in classes
    ):
        return Obj(classes[0], (), offset, Kind.OBJECT)
    return None


def given_back(callee: Import, args: Value) -> Obj | None:
    """Return the element type that ``numpy.dtype`` is given and returns itself, also where it is asked for a copy."""
    given = args
    while type(given) is tuple and given and callee.key == "numpy.dtype":
        given = given[0]  # ``(type, 1)`` is the type as well
    return given if isinstance(given, Obj) and given.kind is Kind.DTYPE and given is not args else None


def kind_of_call(callee: Import) -> Kind:
    """Return the kind of value that *callee* returns when it is called: some classes return what others hold."""
    return Kind.SHARED if callee.key in _CACHED else callee.judged.kind


def fetches_member(callee: Obj) -> bool:
    """Return True for ``getattr(Class, 'name')``, whose call is judged as the one of ``Class.name``."""
    if not isinstance(callee.callee, Import) or callee.callee.name != "getattr" or callee.kind is not Kind.CALLABLE:
        return False
    return not callee.known and fetched(callee.args) is not None


def member_of(value: Obj) -> str:
    """Return ``module.Class.name`` for what ``getattr(Class, 'name')`` made, an empty text for any other value."""
    member = fetched(value.args) if isinstance(value.callee, Import) and value.callee.name == "getattr" else None
    return f"{member[0].key}.{member[1]}" if member is not None else ""


def fetched(args: Value) -> tuple[Import, str] | None:
    """Return the class and the name that ``getattr`` was given, None if it was given anything else."""
    if not isinstance(args, tuple) or len(args) < 2 or not isinstance(args[0], Import) or not isinstance(args[1], str):
        return None
    return args[0], args[1]


_CACHED = frozenset(
    f"{module}.{name}"
    for modules, names in {
        "pandas pandas._libs pandas._libs.tslibs pandas._libs.tslibs.nattype pandas._libs.tslibs.timestamps "
        "pandas._libs.tslibs.timedeltas pandas.tslib pandas._libs.missing pandas.core.dtypes.dtypes": (
            "Timestamp Timedelta NaTType NaT NAType NA PeriodDtype IntervalDtype DatetimeTZDtype"
        ),
        "pandas._libs.tslibs.nattype pandas.tslib": "__nat_unpickle _nat_unpickle",
        "dateutil.tz dateutil.tz.tz": "UTC tzutc tzlocal tzoffset",
        "pytz pytz.reference": "_p UTC _UTC FixedOffset _FixedOffset",
    }.items()
    for module in modules.split()
    for name in names.split()
)
"""Classes that, when called, return their argument, or an object of a table of their own: a state would change it for
the whole process."""
