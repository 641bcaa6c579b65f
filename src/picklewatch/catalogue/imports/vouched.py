"""Harmless imports by exact name, each group with its reason.

To be here, a callable must do no harm whatever arguments an attacker chooses for it, a class no harm whatever state
BUILD puts into it, now or when it is compared, hashed, shown or deleted.
"""

from __future__ import annotations

from picklewatch.catalogue.imports.entries import Check, Group, Kind, Takes, Use

_NUMPY_MULTIARRAY = (
    "numpy.core.multiarray",
    "numpy._core.multiarray",
    "numpy.core._multiarray_umath",
    "numpy._core._multiarray_umath",
)

VOUCHED: tuple[Group, ...] = (
    # --- the standard library ---
    Group(
        reason="built-in constants and types, referenced as data",
        uses={Use.REFERENCE},
        names={
            "builtins": "NoneType ellipsis Ellipsis NotImplemented None True False basestring "
            "classmethod staticmethod property memoryview len abs min max sum any all hash repr round divmod pow ord chr "
            "id isinstance issubclass next sorted print format callable bin hex oct ascii",
            "types": "NoneType EllipsisType NotImplementedType UnionType MappingProxyType",
            "numbers": "Number Complex Real Rational Integral",
        },
    ),
    Group(
        reason="a built-in number, text or singleton made from constants",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.ATOM,
        check=Check.BOUNDED,
        takes=Takes.CONSTANTS,
        names={"builtins": "int float complex bool str bytes long unicode range xrange"},
    ),
    Group(
        reason="a container that cannot be changed",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.ATOM,
        check=Check.BOUNDED,
        takes=Takes.ITEMS,
        names={"builtins": "frozenset tuple"},
    ),
    Group(
        reason="the ends of a part of a sequence",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.ATOM,
        check=Check.BOUNDED,
        takes=Takes.ANYTHING,
        names={"builtins": "slice"},
    ),
    Group(
        reason="a mutable array of bytes",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.BYTEARRAY,
        check=Check.BOUNDED,
        takes=Takes.CONSTANTS,
        names={"builtins": "bytearray buffer"},
    ),
    Group(
        reason="the type of a singleton",
        uses={Use.REFERENCE, Use.CALL},
        check=Check.TYPE_OF,
        takes=Takes.ANYTHING,
        names={"builtins": "type"},
    ),
    Group(
        reason="walks a container that is in the file itself",
        uses={Use.CALL},
        check=Check.ITERATOR,
        takes=Takes.ITEMS,
        names={"builtins": "iter reversed enumerate zip", "itertools": "izip"},
    ),
    Group(
        reason="the plain base of every class, which takes no arguments",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.ANYTHING,
        names={"builtins": "object"},
    ),
    Group(
        reason="a built-in container",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.LIST,
        check=Check.BOUNDED,
        takes=Takes.ITEMS,
        names={"builtins": "list"},
    ),
    Group(
        reason="a built-in container",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        check=Check.BOUNDED,
        takes=Takes.ITEMS,
        names={"builtins": "dict"},
    ),
    Group(
        reason="a built-in container",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.SET,
        check=Check.BOUNDED,
        takes=Takes.ITEMS,
        names={"builtins": "set"},
    ),
    Group(
        reason="a built-in exception: keeps its arguments",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.ANYTHING,
        names={
            "builtins": "BaseException Exception ArithmeticError AssertionError AttributeError BufferError EOFError "
            "FloatingPointError ImportError IndexError KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError "
            "NotImplementedError OverflowError RecursionError ReferenceError RuntimeError StopIteration SystemExit GeneratorExit "
            "PendingDeprecationWarning SyntaxWarning ImportWarning UnicodeWarning "
            "BytesWarning ResourceWarning EncodingWarning "
            "StopAsyncIteration SystemError TypeError UnboundLocalError UnicodeError ValueError ZeroDivisionError Warning UserWarning DeprecationWarning "
            "FutureWarning RuntimeWarning StandardError",
        },
    ),
    Group(
        reason="a built-in exception: looks its number up, which hashes it, or asks for an index (Objects/exceptions.c)",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "builtins": "OSError IOError EnvironmentError BlockingIOError BrokenPipeError ChildProcessError InterruptedError "
            "IsADirectoryError NotADirectoryError ProcessLookupError ConnectionAbortedError ConnectionRefusedError "
            "ConnectionResetError ConnectionError TimeoutError FileNotFoundError FileExistsError PermissionError "
            "UnicodeTranslateError UnicodeDecodeError UnicodeEncodeError",
        },
    ),
    Group(
        reason="a built-in exception: walks over what it is given",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.ITEMS,
        names={"builtins": "BaseExceptionGroup ExceptionGroup SyntaxError IndentationError TabError"},
    ),
    Group(
        reason="a container of the standard library; its methods only store",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        check=Check.MAPPING,
        takes=Takes.ITEMS,
        names={"collections": "OrderedDict Counter"},
    ),
    Group(
        reason="a wrapper of a container; what fills it fills that",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.WRAPPER,
        check=Check.MAPPING,
        takes=Takes.ITEMS,
        names={"collections": "UserDict UserList", "UserDict": "UserDict IterableUserDict"},
    ),
    Group(
        reason="a dict with a default; the factory takes no argument of the attacker's",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        check=Check.FACTORY,
        takes=Takes.ITEMS,
        looks=(1, None),
        names={"collections": "defaultdict"},
    ),
    Group(
        reason="a container of the standard library; its methods only store",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.LIST,
        check=Check.BOUNDED,
        takes=Takes.ITEMS,
        names={"collections": "deque", "_collections": "deque"},
    ),
    Group(
        reason="a text",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"collections": "UserString"},
    ),
    Group(
        reason="a chain of mappings; what fills it fills the first of them",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.WRAPPER,
        takes=Takes.ITEMS,
        names={"collections": "ChainMap"},
    ),
    Group(
        reason="an attribute holder: stores what it is given",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.ITEMS,
        names={"types": "SimpleNamespace", "argparse": "Namespace", "optparse": "Values"},
    ),
    Group(
        reason="a date, time or zone: validates numbers",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "datetime": "datetime date time timedelta timezone",
            "_datetime": "datetime date time timedelta timezone",
            "_pydatetime": "datetime date time timedelta timezone",
            "calendar": "Month Day",
        },
    ),
    Group(reason="the base of time zones", uses={Use.REFERENCE, Use.NEW}, names={"datetime": "tzinfo"}),
    Group(
        reason="a time zone by its key, read from the zone database only",
        uses={Use.REFERENCE},
        names={
            "zoneinfo": "ZoneInfo",
            "zoneinfo._zoneinfo": "ZoneInfo",
            "_zoneinfo": "ZoneInfo",
            "backports.zoneinfo": "ZoneInfo",
        },
    ),
    Group(
        reason="a time zone by its key, read from the zone database only",
        uses={Use.REFERENCE, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "zoneinfo": "ZoneInfo._unpickle",
            "zoneinfo._zoneinfo": "ZoneInfo._unpickle",
            "backports.zoneinfo": "ZoneInfo._unpickle",
        },
    ),
    Group(
        reason="a number; the exponent of a text is looked at",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        check=Check.NUMBER,
        takes=Takes.CONSTANTS,
        names={
            "decimal": "Decimal Context",
            "_decimal": "Decimal Context",
            "_pydecimal": "Decimal",
            "fractions": "Fraction",
        },
    ),
    Group(
        reason="a signal of decimal arithmetic",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "decimal": "Clamped ConversionSyntax DecimalException DivisionByZero DivisionImpossible DivisionUndefined FloatOperation "
            "Inexact InvalidContext InvalidOperation Overflow Rounded Subnormal Underflow",
        },
    ),
    Group(
        reason="an identifier: sixteen bytes",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"uuid": "UUID SafeUUID"},
    ),
    Group(
        reason="a path as text; making it touches no file",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "pathlib": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
            "pathlib._local": "Path PosixPath WindowsPath PurePath PurePosixPath PureWindowsPath",
        },
    ),
    Group(
        reason="an address as a number; making it opens nothing",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"ipaddress": "IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface"},
    ),
    Group(
        reason="an array of machine numbers",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.LIST,
        check=Check.BOUNDED,
        takes=Takes.CONSTANTS,
        names={"array": "array"},
    ),
    Group(
        reason="rebuilds an array of machine numbers from bytes",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.LIST,
        takes=Takes.CONSTANTS,
        names={"array": "_array_reconstructor"},
    ),
    Group(
        reason="a compiled pattern; nothing is matched on loading",
        uses={Use.CALL},
        check=Check.PATTERN,
        takes=Takes.CONSTANTS,
        names={"re": "_compile"},
    ),
    Group(
        reason="flags or a type of regular expressions",
        uses={Use.REFERENCE, Use.MEMBER},
        names={"re": "RegexFlag Pattern Match"},
    ),
    Group(
        reason="a pseudo-random generator: numbers",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"random": "Random", "_random": "Random"},
    ),
    Group(
        reason="a memory buffer",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"io": "BytesIO StringIO", "_io": "BytesIO StringIO"},
    ),
    Group(
        reason="a counter or a constant without side effects",
        uses={Use.REFERENCE, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"itertools": "count", "operator": "itemgetter", "_operator": "itemgetter"},
    ),
    Group(
        reason="an iterator that gives the same object again and again",
        uses={Use.REFERENCE, Use.CALL},
        takes=Takes.CONSTANTS,
        looks=(1, None),
        names={"itertools": "repeat"},
    ),
    Group(
        reason="looks a logger up by name",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.SHARED,
        takes=Takes.CONSTANTS,
        names={"logging": "getLogger"},
    ),
    Group(
        reason="a type for annotations",
        uses={Use.REFERENCE},
        names={
            "typing": "Any Union Optional List Dict Tuple Set FrozenSet Callable Iterable Iterator Sequence Mapping "
            "MutableMapping Type TypeVar Generic Literal NamedTuple NoReturn ClassVar Final Protocol Text AnyStr Hashable "
            "Sized Collection Container Generator Deque DefaultDict OrderedDict Counter Annotated Self Never",
            "typing_extensions": "Any Literal Annotated Protocol TypedDict Final Self",
            "collections.abc": "Callable Iterable Iterator Sequence Mapping MutableMapping Hashable Sized Collection "
            "Container Set MutableSet MutableSequence",
            "abc": "ABC ABCMeta",
            "enum": "Enum IntEnum Flag IntFlag StrEnum",
            "dataclasses": "MISSING FrozenInstanceError",
        },
    ),
    Group(
        reason="a part of a data class's description",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "dataclasses": "Field _DataclassParams InitVar _FIELD_BASE _HAS_DEFAULT_FACTORY_CLASS _KW_ONLY_TYPE _MISSING_TYPE"
        },
    ),
    Group(
        reason="a compiled layout of numbers",
        uses={Use.REFERENCE, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"_struct": "Struct", "struct": "Struct"},
    ),
    Group(
        reason="a point in time as numbers",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"time": "struct_time"},
    ),
    Group(
        reason="a version number",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "torch.torch_version": "TorchVersion",
            "packaging.version": "Version",
            "distutils.version": "LooseVersion",
        },
    ),
    Group(
        reason="an object of the standard library that only holds attributes",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "configparser": "ConfigParser RawConfigParser SafeConfigParser SectionProxy ConverterMapping Interpolation "
            "BasicInterpolation LegacyInterpolation ExtendedInterpolation",
            "json.encoder": "JSONEncoder",
            "json.decoder": "JSONDecoder",
            "string": "Template Formatter",
            "calendar": "Calendar TextCalendar HTMLCalendar",
            "statistics": "NormalDist",
            "textwrap": "TextWrapper",
            "logging": "Logger LogRecord PlaceHolder RootLogger",
            "csv": "Dialect excel",
            "weakref": "WeakSet WeakKeyDictionary WeakValueDictionary",
            "_weakrefset": "WeakSet",
            "xml.etree.ElementTree": "Element",
            "sets": "Set ImmutableSet",
        },
    ),
    Group(
        reason="the signature of a function, as data: asks its parameters for their kinds, and hashes their names",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={"inspect": "Signature"},
    ),
    Group(
        reason="a parameter of a function, as data; its default is only kept",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        looks=(0, 2),
        names={"inspect": "Parameter _empty"},
    ),
    Group(
        reason="an address in parts",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "urllib.parse": "ParseResult SplitResult DefragResult ParseResultBytes SplitResultBytes DefragResultBytes"
        },
    ),
    Group(
        reason="names a member of an enumeration",
        uses={Use.REFERENCE, Use.MEMBER},
        names={
            "http": "HTTPMethod HTTPStatus",
            "inspect": "_ParameterKind",
            "enum": "auto",
            "signal": "Handlers Sigmasks Signals",
            "socket": "AddressFamily AddressInfo MsgFlag SocketKind",
            "ssl": "AlertDescription Options SSLErrorNumber TLSVersion VerifyFlags VerifyMode",
            "asyncio.constants": "_SendfileMode",
            "plistlib": "PlistFormat",
            "pstats": "SortKey",
            "py_compile": "PycInvalidationMode",
        },
    ),
    Group(
        reason="a tuple with names, which keeps what it is given",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "platform": "uname_result",
            "decimal": "DecimalTuple",
            "difflib": "Match",
            "statistics": "LinearRegression",
            "tokenize": "TokenInfo",
            "wave": "_wave_params",
        },
    ),
    Group(
        reason="what a program returned, and where an exception passed: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        names={"subprocess": "CompletedProcess", "traceback": "FrameSummary"},
    ),
    Group(
        reason="an exception that keeps its arguments",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        takes=Takes.CONSTANTS,
        names={
            "subprocess": "CalledProcessError TimeoutExpired SubprocessError",
            "asyncio.exceptions": "TimeoutError CancelledError",
            "concurrent.futures._base": "TimeoutError CancelledError",
            "socket": "timeout gaierror herror",
            "queue": "Full",
            "_queue": "Empty",
            "json.decoder": "JSONDecodeError",
        },
    ),
    Group(
        reason="a signal, as Python 3.5 to 3.12 name a member of signal.Signals: a number",
        uses={Use.REFERENCE},
        names={
            "signal": "SIGABRT SIGALRM SIGBUS SIGCHLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGKILL SIGPIPE SIGPROF SIGQUIT "
            "SIGSEGV SIGSTOP SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 SIGUSR2 SIGWINCH SIG_BLOCK SIG_DFL SIG_IGN"
        },
    ),
    Group(
        reason="cookies: attributes only; the jar is asked for nothing until a request is made",
        uses={Use.NEW},
        names={"http.cookiejar": "Cookie CookieJar DefaultCookiePolicy"},
    ),
    Group(
        reason="sets an attribute; the object is looked at",
        uses={Use.CALL},
        check=Check.SETATTR,
        takes=Takes.ANYTHING,
        names={"builtins": "setattr"},
    ),
    Group(
        reason="a type with parameters, for annotations",
        uses={Use.REFERENCE, Use.CALL},
        check=Check.ALIAS,
        takes=Takes.ANYTHING,
        names={"types": "GenericAlias"},
    ),
    Group(
        reason="joins types for annotations",
        uses={Use.CALL},
        check=Check.REDUCE,
        takes=Takes.ANYTHING,
        names={"functools": "reduce", "_functools": "reduce"},
    ),
    # --- copyreg and codecs: harmless with the right arguments ---
    Group(
        reason="turns text into bytes",
        uses={Use.CALL},
        kind=Kind.ATOM,
        check=Check.ENCODE,
        takes=Takes.CONSTANTS,
        names={"_codecs": "encode", "codecs": "encode"},
    ),
    Group(
        reason="makes an object without calling its __init__",
        uses={Use.CALL},
        check=Check.RECONSTRUCTOR,
        takes=Takes.ANYTHING,
        names={"copyreg": "_reconstructor"},
    ),
    Group(
        reason="makes an object without calling its __init__",
        uses={Use.CALL},
        check=Check.NEWOBJ,
        takes=Takes.ANYTHING,
        names={"copyreg": "__newobj__ __newobj_ex__", "scipy.spatial.ckdtree": "new_object"},
    ),
    Group(
        reason="a node of a spatial tree: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        names=dict.fromkeys(
            ("scipy.spatial.kdtree", "scipy.spatial._kdtree"), "KDTree.node KDTree.innernode KDTree.leafnode"
        ),
    ),
    Group(
        reason="a method of an interpolator, stored for later use",
        uses={Use.REFERENCE},
        names=dict.fromkeys(
            ("scipy.interpolate.interpolate", "scipy.interpolate._interpolate"),
            "interp1d._call_linear interp1d._call_linear_np interp1d._call_nearest interp1d._call_previousnext "
            "interp1d._call_spline interp1d._call_nan_spline interp1d._call_zero",
        ),
    ),
    Group(
        reason="a kernel of a radial basis, which the interpolator finds by its name and keeps",
        uses={Use.REFERENCE},
        names=dict.fromkeys(
            ("scipy.interpolate._rbf", "scipy.interpolate.rbf"),
            "Rbf._h_multiquadric Rbf._h_inverse_multiquadric Rbf._h_gaussian Rbf._h_linear Rbf._h_cubic Rbf._h_quintic Rbf._h_thin_plate",
        ),
    ),
    Group(
        reason="keeps a callable with its arguments; both are looked at",
        uses={Use.CALL},
        check=Check.PARTIAL,
        takes=Takes.ANYTHING,
        names={"functools": "partial", "_functools": "partial"},
    ),
    Group(
        reason="keeps the name of an attribute to fetch; the name is looked at",
        uses={Use.CALL},
        kind=Kind.CALLABLE,
        check=Check.GETTER,
        takes=Takes.ANYTHING,
        names={"operator": "attrgetter methodcaller", "_operator": "attrgetter methodcaller"},
    ),
    Group(
        reason="what the operating system says of a file or a terminal, as numbers",
        uses={Use.REFERENCE, Use.CALL},
        takes=Takes.CONSTANTS,
        names=dict.fromkeys(("os", "posix", "nt"), "stat_result statvfs_result terminal_size")
        | {
            "posix": "stat_result statvfs_result terminal_size times_result uname_result sched_param",
            "resource": "struct_rusage",
            "pwd": "struct_passwd",
            "grp": "struct_group",
        },
    ),
    Group(
        reason="fetches an attribute; the object and the name are looked at",
        uses={Use.CALL},
        check=Check.GETATTR,
        takes=Takes.ANYTHING,
        names={"builtins": "getattr"},
    ),
    Group(
        reason="subscripts a type for annotations",
        uses={Use.CALL},
        check=Check.GETITEM,
        takes=Takes.ANYTHING,
        names={"operator": "getitem", "_operator": "getitem"},
    ),
    Group(
        reason="functions over numbers, stored for later use",
        uses={Use.REFERENCE},
        names={
            "math": "exp log log2 log10 log1p expm1 sqrt sin cos tan asin acos atan atan2 sinh cosh tanh floor ceil fabs pow hypot isnan isinf",
            "operator": "add sub mul truediv floordiv mod neg pos and_ or_ xor not_ eq ne lt le gt ge contains",
            "_operator": "add sub mul truediv floordiv mod neg pos and_ or_ xor not_ eq ne lt le gt ge contains",
            "copy": "copy deepcopy",
            "itertools": "chain product permutations combinations",
        },
    ),
    Group(
        reason="functions over arrays, stored for later use",
        uses={Use.REFERENCE},
        names={"numpy.lib.function_base": "median percentile", "numpy.lib.shape_base": "dstack column_stack"},
    ),
    Group(
        reason="a part of spaCy's vocabulary, restored from texts, numbers and msgpack bytes",
        uses={Use.REFERENCE, Use.CALL},
        names={
            "spacy.strings": "StringStore",
            "spacy.vectors": "unpickle_vectors",
            "spacy.morphology": "unpickle_morphology",
        },
    ),
    Group(
        reason="a unit by its names",
        uses={Use.CALL},
        check=Check.UNIT_CLASS,
        names={
            "astropy.units.core": "_recreate_irreducible_unit",
            "pint": "_unpickle_quantity _unpickle_unit _unpickle_measurement",
        },
    ),
    Group(
        reason="a container that cannot be changed",
        uses={Use.REFERENCE, Use.CALL},
        takes=Takes.ITEMS,
        names={
            "pyrsistent._pmap": "pmap",
            "pyrsistent._pset": "pset",
            "pyrsistent._pvector": "pvector",
            "pvectorc": "pvector",
        },
    ),
    Group(
        reason="a dictionary that cannot be changed",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        takes=Takes.ITEMS,
        names={"flax.core.frozen_dict": "FrozenDict"},
    ),
    Group(
        reason="a molecule or its bits, from bytes that RDKit parses",
        uses={Use.REFERENCE, Use.CALL},
        names={
            "rdkit.Chem.rdchem": "Mol",
            "rdkit.DataStructs.cDataStructs": "ExplicitBitVect SparseBitVect IntSparseIntVect LongSparseIntVect "
            "UIntSparseIntVect ULongSparseIntVect",
        },
    ),
    Group(
        reason="an array of JAX, made by numpy's own function from the state that numpy checks",
        uses={Use.CALL},
        kind=Kind.NDARRAY_DONE,
        check=Check.JAX_ARRAY,
        looks=(1, None),
        names={"jax._src.array": "_reconstruct_array", "jax._src.device_array": "reconstruct_device_array"},
    ),
    Group(
        reason="a number type",
        uses={Use.REFERENCE},
        names={
            "ml_dtypes": "bfloat16 float8_e3m4 float8_e4m3 float8_e4m3b11fnuz float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
            "float8_e5m2fnuz float8_e8m0fnu float6_e2m3fn float6_e3m2fn float4_e2m1fn int1 int2 int4 uint1 uint2 uint4",
        },
    ),
    Group(
        reason="an element type of texts",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.DTYPE,
        names=dict.fromkeys(("numpy._core._internal", "numpy.core._internal"), "_convert_to_stringdtype_kwargs"),
    ),
    # --- numpy ---
    Group(
        reason="fetches a universal function by module and name; both are looked at",
        uses={Use.CALL},
        check=Check.UFUNC,
        names=dict.fromkeys(("numpy.core", "numpy._core", "numpy.core.numeric"), "_ufunc_reconstruct"),
    ),
    Group(
        reason="makes an empty array that BUILD fills",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.NDARRAY,
        check=Check.NP_RECONSTRUCT,
        looks=(1, None),
        names=dict.fromkeys((*_NUMPY_MULTIARRAY, "numpy.core._internal", "numpy._core._internal"), "_reconstruct"),
    ),
    Group(
        reason="a number of a given type",
        uses={Use.CALL},
        kind=Kind.SCALAR,
        check=Check.NP_SCALAR,
        names=dict.fromkeys(_NUMPY_MULTIARRAY, "scalar"),
    ),
    Group(
        reason="an array over bytes",
        uses={Use.CALL},
        kind=Kind.NDARRAY_DONE,
        check=Check.NP_FROMBUFFER,
        names={"numpy.core.numeric": "_frombuffer", "numpy._core.numeric": "_frombuffer"},
    ),
    Group(
        reason="a masked array that BUILD fills",
        uses={Use.CALL},
        kind=Kind.NDARRAY,
        check=Check.MASKED,
        names={"numpy.ma.core": "_mareconstruct"},
    ),
    Group(
        reason="an element type",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DTYPE,
        names={"numpy": "dtype", "numpy.dtypes": "StringDType"},
    ),
    Group(
        reason="an array class, named as the type to make",
        uses={Use.REFERENCE},
        names={
            "numpy": "ndarray matrix recarray chararray memmap",
            "numpy.core.memmap": "memmap",
            "numpy._core.memmap": "memmap",
            "numpy.core.records": "recarray",
            "numpy._core.records": "recarray",
            "numpy.rec": "recarray",
            "numpy.core.defchararray": "chararray",
            "numpy._core.defchararray": "chararray",
            "numpy.char": "chararray",
            "numpy.matrixlib.defmatrix": "matrix",
            "numpy.ma.core": "MaskedArray mvoid",
            "numpy.ma": "MaskedArray",
            "pandas.core.base": "FrozenNDArray",
            "pandas.core.indexes.frozen": "FrozenNDArray",
        },
    ),
    Group(
        reason="a number type",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.ATOM,
        check=Check.BOUNDED,
        takes=Takes.CONSTANTS,
        names={
            "numpy": "bool bool_ bool8 byte ubyte short ushort intc uintc int_ uint intp uintp longlong ulonglong "
            "int8 int16 int32 int64 uint8 uint16 uint32 uint64 half single double longdouble float16 float32 float64 "
            "float128 float_ csingle cdouble clongdouble complex64 complex128 complex256 complex_ datetime64 timedelta64 "
            "str_ bytes_ unicode_ string_ object_ void number integer signedinteger unsignedinteger inexact floating "
            "complexfloating flexible character generic",
            "numpy.core.records": "record",
            "numpy._core.records": "record",
            "numpy.rec": "record",
        },
    ),
    Group(
        reason="an element type's class",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DTYPE,
        names={
            "numpy.dtypes": "BoolDType Int8DType UInt8DType Int16DType UInt16DType Int32DType UInt32DType Int64DType UInt64DType "
            "LongLongDType ULongLongDType Float16DType Float32DType Float64DType LongDoubleDType Complex64DType Complex128DType "
            "CLongDoubleDType ObjectDType BytesDType StrDType VoidDType DateTime64DType TimeDelta64DType",
            "numpy": "dtype[bool] dtype[int64] dtype[float32] dtype[float64]",
        },
    ),
    Group(
        reason="a random generator by its name",
        uses={Use.CALL},
        kind=Kind.OBJECT,
        check=Check.NP_RANDOM,
        names={
            "numpy.random._pickle": "__randomstate_ctor __generator_ctor",
            "numpy.random": "__RandomState_ctor",
            "numpy.random.mtrand": "__RandomState_ctor",
        },
    ),
    Group(
        reason="a bit generator by its name",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.OBJECT,
        check=Check.NP_RANDOM,
        names={"numpy.random._pickle": "__bit_generator_ctor"},
    ),
    Group(
        reason="a random generator or its seed: numbers",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        check=Check.BOUNDED,
        names={
            "numpy.random._mt19937": "MT19937",
            "numpy.random._pcg64": "PCG64 PCG64DXSM",
            "numpy.random._philox": "Philox",
            "numpy.random._sfc64": "SFC64",
            "numpy.random.mtrand": "RandomState",
            "numpy.random": "RandomState Generator MT19937 PCG64",
            "numpy.random._generator": "Generator",
            "numpy.random.bit_generator": "SeedSequence SeedlessSeedSequence __pyx_unpickle_SeedSequence __pyx_unpickle_SeedlessSeedSequence",
        },
    ),
    Group(
        reason="a polynomial or an exception of numpy: numbers",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "numpy": "poly1d",
            "numpy.lib.polynomial": "poly1d",
            "numpy.lib._polynomial_impl": "poly1d",
            "numpy.polynomial.polynomial": "Polynomial",
            "numpy.polynomial.chebyshev": "Chebyshev",
            "numpy.polynomial.legendre": "Legendre",
            "numpy.polynomial.hermite": "Hermite",
            "numpy.polynomial.laguerre": "Laguerre",
            "numpy.exceptions": "AxisError",
        },
    ),
    Group(
        reason="numpy's masked constant",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.NDARRAY,
        names={"numpy.ma.core": "MaskedConstant"},
    ),
    # --- joblib ---
    Group(
        reason="announces an array whose bytes follow in line",
        uses={Use.REFERENCE, Use.NEW},
        kind=Kind.ARRAY_WRAPPER,
        names={
            "joblib.numpy_pickle": "NumpyArrayWrapper",
            "sklearn.externals.joblib.numpy_pickle": "NumpyArrayWrapper",
        },
    ),
    Group(
        reason="names a file beside this one that holds an array",
        uses={Use.REFERENCE, Use.NEW},
        kind=Kind.ARRAY_FILE,
        names=dict.fromkeys(
            (
                "joblib.numpy_pickle",
                "joblib.numpy_pickle_compat",
                "sklearn.externals.joblib.numpy_pickle",
                "sklearn.externals.joblib.numpy_pickle_compat",
            ),
            "NDArrayWrapper ZNDArrayWrapper",
        ),
    ),
    # --- torch ---
    Group(
        reason="a tensor over a storage; its bounds are checked here",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.TENSOR,
        check=Check.TORCH_TENSOR,
        names={"torch._utils": "_rebuild_tensor _rebuild_tensor_v2 _rebuild_tensor_v3"},
    ),
    Group(
        reason="a tensor made of tensors and numbers",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.TENSOR,
        check=Check.TORCH_PLAIN,
        names={
            "torch._utils": "_rebuild_parameter _rebuild_sparse_tensor _rebuild_sparse_csr_tensor "
            "_rebuild_sparse_compressed_tensor _rebuild_qtensor _rebuild_meta_tensor_no_storage _rebuild_nested_tensor "
            "_rebuild_device_tensor_from_numpy _rebuild_device_tensor_from_cpu_tensor _rebuild_xla_tensor _rebuild_wrapper_subclass",
        },
    ),
    Group(
        reason="a parameter whose attributes are judged as a state",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.TENSOR,
        check=Check.TORCH_PLAIN,
        looks=(0, 3),
        names={"torch._utils": "_rebuild_parameter_with_state"},
    ),
    Group(
        reason="calls a rebuilding function of torch",
        uses={Use.CALL},
        kind=Kind.TENSOR,
        check=Check.TORCH_FROM_TYPE,
        takes=Takes.ANYTHING,
        names={"torch._tensor": "_rebuild_from_type_v2 _rebuild_from_type", "torch.tensor": "_rebuild_from_type"},
    ),
    Group(
        reason="unpickles the bytes that it is given: they are judged themselves",
        uses={Use.CALL},
        kind=Kind.STORAGE,
        check=Check.LOAD_FROM_BYTES,
        names={"torch.storage": "_load_from_bytes"},
    ),
    Group(
        reason="a named tuple of tensors",
        uses={Use.REFERENCE, Use.NEW},
        names={"torch.nn.utils.rnn": "PackedSequence PackedSequence_"},
    ),
    Group(
        reason="a schedule of numbers: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        names={"stable_baselines3.common.utils": "FloatSchedule ConstantSchedule LinearSchedule"},
    ),
    Group(
        reason="trials of Hyperopt in memory: dictionaries in lists",
        uses={Use.REFERENCE, Use.NEW},
        names={"hyperopt.base": "Trials"},
    ),
    Group(
        reason="a shape, a device or a layout",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.ATOM,
        names={"torch": "Size device memory_format", "torch.serialization": "_get_layout", "torch._C": "device"},
    ),
    Group(
        reason="a tensor parameter around a tensor",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.PARAMETER,
        check=Check.TORCH_PLAIN,
        names={
            "torch.nn.parameter": "Parameter Buffer UninitializedParameter UninitializedBuffer",
            "torch.nn": "Parameter",
            "torch.autograd.variable": "Variable",
            "torch.autograd": "Variable",
        },
    ),
    Group(
        reason="names the class of a storage or tensor",
        uses={Use.REFERENCE},
        names=dict.fromkeys(
            ("torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse"),
            "FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage ShortStorage CharStorage "
            "ByteStorage BoolStorage ComplexFloatStorage ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage "
            "QUInt4x2Storage QUInt2x4Storage UntypedStorage TypedStorage FloatTensor DoubleTensor HalfTensor BFloat16Tensor "
            "LongTensor IntTensor ShortTensor CharTensor ByteTensor BoolTensor",
        ),
    ),
    Group(
        reason="names the class of a storage or tensor",
        uses={Use.REFERENCE},
        names={
            "torch": "Tensor strided sparse_coo sparse_csr sparse_csc sparse_bsr sparse_bsc _mkldnn jagged contiguous_format channels_last channels_last_3d preserve_format "
            "per_tensor_affine per_channel_affine per_tensor_symmetric per_channel_symmetric per_channel_affine_float_qparams "
            "float float16 float32 float64 half double bfloat16 int int8 int16 int32 int64 short long uint8 uint16 uint32 uint64 bool "
            "cfloat cdouble chalf complex32 complex64 complex128 qint8 quint8 qint32 quint4x2 quint2x4 "
            "float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 "
            "bits8 bits16 bits1x8 bits2x4 bits4x2 int1 int2 int3 int4 int5 int6 int7 uint1 uint2 uint3 uint4 uint5 uint6 uint7",
            "torch._tensor": "Tensor",
            "torch.storage": "UntypedStorage TypedStorage _UntypedStorage _TypedStorage",
        },
    ),
    Group(
        reason="types a container for the TorchScript interpreter, and returns it",
        uses={Use.REFERENCE, Use.CALL},
        kind=Kind.ARGUMENT,
        names={
            "torch.jit._pickle": "build_intlist build_tensorlist build_doublelist build_boollist restore_type_tag build_tensor_from_id"
        },
    ),
)
