"""What is no more than data: the classes of values and of containers, and those that native code is given.

By exact name, as picklers write it. A class is here if the methods that its objects have, and all that these ask of
what an object holds, are Python's or a library's own and call nothing that a file could have put there.
"""

from __future__ import annotations

from picklewatch.catalogue.classes.profiles import ClassKind, Hook, Profile


def _names(of: dict[str, str]) -> frozenset[str]:
    """Return ``module.name`` for each name of each module; several modules, and names, are separated by blanks."""
    return frozenset(
        f"{module}.{name}" for modules, names in of.items() for module in modules.split() for name in names.split()
    )


_BUILTINS = "builtins __builtin__"
_RANDOM_NAMES = "Generator RandomState MT19937 PCG64 PCG64DXSM Philox SFC64 SeedSequence"

CONTAINERS = _names(
    {
        _BUILTINS: "list dict set frozenset tuple bytearray",
        "collections _collections": "OrderedDict defaultdict deque Counter",
        "array": "array _array_reconstructor",
        "pandas.core.indexes.frozen": "FrozenList",
    }
)
"""Containers whose objects are data if what they hold is: `Kind.LIST`, `Kind.DICT` and `Kind.SET` of these only."""

VALUES = _names(
    {
        "datetime _datetime _pydatetime": "datetime date time timedelta timezone",
        "decimal _decimal _pydecimal": "Decimal Context",
        "fractions": "Fraction",
        "uuid": "UUID SafeUUID",
        "pathlib pathlib._local": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
        "ipaddress": "IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface",
        "zoneinfo zoneinfo._zoneinfo backports.zoneinfo": "ZoneInfo._unpickle",
        "pytz": "_p _UTC UTC FixedOffset _FixedOffset",
        "dateutil.tz dateutil.tz.tz": "tzutc tzlocal tzoffset",
        "random _random": "Random",
        "re": "_compile",
        "time": "struct_time",
        "packaging.version": "Version",
        "torch.torch_version": "TorchVersion",
        "numpy.random._pickle": "__randomstate_ctor __bit_generator_ctor __generator_ctor",
        "numpy.random numpy.random.mtrand": "__RandomState_ctor " + _RANDOM_NAMES,
        "numpy.random._generator": "Generator",
        "numpy.random._mt19937 numpy.random._pcg64 numpy.random._philox numpy.random._sfc64": _RANDOM_NAMES,
        "numpy.random.bit_generator": "SeedSequence SeedlessSeedSequence __pyx_unpickle_SeedSequence "
        "__pyx_unpickle_SeedlessSeedSequence",
        "torch.jit._pickle": "build_intlist build_tensorlist build_doublelist build_boollist restore_type_tag",
    }
)
"""Classes, and functions that make them, whose objects are values."""

_NUMBERS = (
    "bool bool_ bool8 byte ubyte short ushort intc uintc int_ uint intp uintp longlong ulonglong int8 int16 "
    "int32 int64 uint8 uint16 uint32 uint64 half single double longdouble float16 float32 float64 float128 "
    "float_ csingle cdouble clongdouble complex64 complex128 complex256 complex_ datetime64 timedelta64 str_ "
    "bytes_ unicode_ string_ object_ void number integer signedinteger unsignedinteger inexact floating "
    "complexfloating flexible character generic"
)
_STORAGES = (
    "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage "
    "ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage "
    "QInt32Storage QUInt4x2Storage QUInt2x4Storage UntypedStorage TypedStorage FloatTensor DoubleTensor "
    "HalfTensor BFloat16Tensor LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor"
)

CLASSES = _names(
    {
        _BUILTINS: "int float str bool complex object bytes list dict tuple set frozenset type NoneType long unicode "
        "bytearray slice range ellipsis Ellipsis NotImplemented None True False",
        "types": "NoneType EllipsisType NotImplementedType",
        "collections": "OrderedDict defaultdict deque Counter",
        "typing": "Any Callable Counter DefaultDict Deque Dict FrozenSet Iterable Iterator List Literal Mapping "
        "Optional OrderedDict Sequence Set Tuple Type Union",
        "numpy": "ndarray matrix dtype recarray nan inf pi e newaxis " + _NUMBERS,
        "numpy.core.multiarray numpy._core.multiarray": "ndarray dtype",
        "numpy.core.records numpy._core.records numpy.rec": "recarray record",
        "numpy.matrixlib.defmatrix": "matrix",
        "numpy.random._pickle": "__bit_generator_ctor",
        "numpy.random._mt19937 numpy.random._pcg64 numpy.random._philox numpy.random._sfc64": _RANDOM_NAMES,
        "numpy.ma numpy.ma.core": "MaskedArray",
        "torch torch.cuda torch.sparse torch.cuda.sparse": _STORAGES,
        "torch": "Tensor Size device dtype layout strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc "
        "_mkldnn jagged contiguous_format channels_last channels_last_3d preserve_format per_tensor_affine "
        "per_channel_affine per_tensor_symmetric per_channel_symmetric per_channel_affine_float_qparams float "
        "float16 float32 float64 half double bfloat16 int int8 int16 int32 int64 short long uint8 uint16 "
        "uint32 uint64 bool cfloat cdouble chalf complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 "
        "quint2x4 float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 "
        "bits8 bits16 bits1x8 bits2x4 bits4x2 int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 uint4 "
        "uint5 uint6 uint7",
        "torch._tensor torch.tensor": "Tensor",
        "torch.nn.parameter torch.nn": "Parameter Buffer",
        "torch.storage": "UntypedStorage TypedStorage _UntypedStorage _TypedStorage",
        "ml_dtypes": "bfloat16 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
        "float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn int1 int2 int4 uint1 uint2 uint4",
    }
)
"""Classes and constants that data may name: element types, and the types of arrays and of a factory's results."""

_HOLDERS = _names(
    {
        "types": "SimpleNamespace",
        "argparse": "Namespace",
        "optparse": "Values",
        _BUILTINS: "object",
        "collections": "ChainMap",
        "http.cookiejar": "Cookie CookieJar DefaultCookiePolicy",
        "subprocess": "CompletedProcess",
        "traceback": "FrameSummary",
    }
)
_ENUMS = _names(
    {
        "http": "HTTPMethod HTTPStatus",
        "inspect": "_ParameterKind",
        "enum": "auto",
        "re": "RegexFlag",
        "signal": "Handlers Sigmasks Signals",
        "socket": "AddressFamily AddressInfo MsgFlag SocketKind",
        "ssl": "AlertDescription Options SSLErrorNumber TLSVersion VerifyFlags VerifyMode",
        "asyncio.constants": "_SendfileMode",
        "plistlib": "PlistFormat",
        "pstats": "SortKey",
        "py_compile": "PycInvalidationMode",
        "uuid": "SafeUUID",
    }
)
_PASSIVE = Profile(ClassKind.PASSIVE)
_ACTING = {
    "UserDict": {Hook.SETITEM: ("collections.UserDict.__setitem__",)},
    "IterableUserDict": {Hook.SETITEM: ("collections.UserDict.__setitem__",)},
    "UserList": {Hook.APPEND: ("collections.UserList.append",), Hook.EXTEND: ("collections.UserList.extend",)},
    "UserString": {Hook.HASH: ("collections.UserString.__hash__",), Hook.EQ: ("collections.UserString.__eq__",)},
}
"""Classes of Python's own whose methods ask ``data``, whatever BUILD put there. No pickler fills them."""
_ENUM = Profile(ClassKind.ENUM)
_TORCHSCRIPT = "__torch__"
"""The module of names that TorchScript's own C++ reader resolves; it runs no Python on what an object holds."""


def of_python(module: str, name: str) -> Profile | None:
    """Return the profile of a class of Python's own, or of TorchScript's, which no census lists."""
    key = f"{module}.{name}"
    if key in _ENUMS:
        return _ENUM
    if name in _ACTING and module in {"collections", name, "UserDict"}:
        return Profile(ClassKind.ACTIVE, acts=_ACTING[name])
    passive = key in CONTAINERS or key in _HOLDERS or module == _TORCHSCRIPT or module.startswith(_TORCHSCRIPT + ".")
    return _PASSIVE if passive else None
