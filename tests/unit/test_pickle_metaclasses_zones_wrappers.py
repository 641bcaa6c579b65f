"""Classes of classes, time zones that are files, and attributes that joblib would call are not clean."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import (
    ADDITEMS,
    BUILD,
    EMPTY_SET,
    MARK,
    TRUE,
    call,
    dict_,
    dtype,
    global_,
    new,
    pickle,
    sizes,
    text,
    tuple_,
)

from picklewatch.core.model import Level

_ACTIVATION = global_("torch.nn.functional", "relu")


def test_a_metaclass_makes_no_class_of_the_files_choosing() -> None:
    """Making a class runs __init_subclass__ of any base with names of the file, which a data class executes."""
    bases = tuple_(global_("flax.struct", "PyTreeNode"))
    made = new("dateutil.tz._factories", "_TzSingleton", text("X"), bases, b"}")
    assert level(judged(pickle(4, made))) is not Level.INFO


@pytest.mark.parametrize(
    "zone",
    ["dateutil//etc/passwd", "dateutil/../../etc/passwd", "dateutil/:/etc/passwd", "datetime64[ns, dateutil//x]"],
)
def test_a_time_zone_that_is_a_file_is_not_clean(zone: str) -> None:
    """Pandas has dateutil open whatever follows ``dateutil/``, in an element type's text as well."""
    made = call("pandas.core.dtypes.dtypes", "DatetimeTZDtype", text("ns"), text(zone))
    assert level(judged(pickle(4, made))) is Level.UNSAFE
    assert level(judged(pickle(4, made.replace(text(zone), text("dateutil/Europe/Berlin"))))) is Level.INFO


@pytest.mark.parametrize(
    "computed",
    [
        call("builtins", "str", text("dateutil//etc/passwd")),
        call("builtins", "tuple", MARK + text("dateutil//etc/passwd") + b"l"),
        EMPTY_SET + MARK + text("dateutil//etc/passwd") + ADDITEMS,
    ],
    ids=["str", "tuple", "set"],
)
def test_a_time_zone_is_seen_however_it_is_made(computed: bytes) -> None:
    """A text that another call returns is the same text."""
    made = call("pandas.core.dtypes.dtypes", "DatetimeTZDtype", text("ns"), computed)
    assert level(judged(pickle(4, made))) is Level.UNSAFE


def _wrapper(**more: bytes) -> bytes:
    usual = {"subclass": global_("numpy", "ndarray"), "shape": sizes(0), "order": text("C"), "dtype": dtype("f8")}
    state = usual | {"allow_mmap": TRUE} | more
    return pickle(4, new("joblib.numpy_pickle", "NumpyArrayWrapper") + dict_(**state) + BUILD)


def test_joblib_calls_no_attribute_that_the_file_put_there() -> None:
    """Its reader calls methods of the wrapper, such as ``read``, and compares its order with a text."""
    assert level(judged(_wrapper())) is Level.INFO
    assert level(judged(_wrapper(read=_ACTIVATION))) is Level.UNSAFE
    assert level(judged(_wrapper(safe_get_numpy_array_alignment_bytes=_ACTIVATION))) is Level.UNSAFE
    assert level(judged(_wrapper(order=new("torch.nn.modules.linear", "Identity")))) is Level.UNSAFE
