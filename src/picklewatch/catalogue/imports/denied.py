"""Imports that no model needs and that attacks call, each group with what calling it does.

Not the safety net: what is in no list at all is unsafe when called. This list says what a thing does, in words a person
understands, and counts even if the thing is only referenced.
"""

from __future__ import annotations

from picklewatch.catalogue.imports.entries import Denied

RUN, FILE, NET = "code-execution", "file-access", "network-access"
LOAD, STATE, EFFECT, SCANNER = "nested-unpickling", "interpreter-state", "import-side-effect", "scanner-tampering"

DENIED: tuple[Denied, ...] = (
    Denied(
        rule=RUN,
        reason="run programs or shell commands",
        modules="os posix nt ce riscos os2 subprocess _posixsubprocess _winapi _wmi commands popen2 pty pexpect ptyprocess sh plumbum "
        "invoke fabric paramiko psutil asyncio.subprocess distutils setuptools _distutils_hack pkg_resources pip ensurepip venv wheel virtualenv "
        "conda test.support test.libregrtest test.regrtest test.script_helper test.test_support idlelib lib2to3 msilib winreg _winreg turtledemo sarge delegator envoy shellescape win32api win32com "
        "win32process pywintypes docker kubernetes cmd smart_open torch.distributed.elastic torch.distributed.run torch.distributed.launch "
        "torch.distributed.launcher torch.backends.xeon torch.utils.bottleneck torch._vendor ray.autoscaler ray.dashboard ray.scripts ray.serve "
        "ray.job_submission ray.util.rpdb ray.util.client ray.util.multiprocessing ray.cluster_utils",
        names={
            "platform": "popen _syscmd_ver _syscmd_file _syscmd_uname architecture system_alias dist linux_distribution",
            "mailcap": "findmatch test",
            "webbrowser": "open open_new open_new_tab get BackgroundBrowser GenericBrowser",
            "torch.utils.collect_env": "run run_and_read_all run_and_parse_first_match get_env_info",
            "numpy.distutils.exec_command": "exec_command",
            "PIL.EpsImagePlugin": "Ghostscript",
            "imaplib": "IMAP4_stream",
            "ctypes.util": "find_library _findLib_gcc _findLib_ld",
            "uuid": "_popen _get_command_stdout _ifconfig_getnode",
            "shutil": "_unpack_zipfile",
            "smtplib": "SMTP SMTP_SSL LMTP",
            "pydoc": "pipepager tempfilepager pager getpager system shell",
            "cgitb": "Hook",
            "tarfile": "_Stream",
            "nltk.internals": "java config_java",
            "torch.distributed.elastic.multiprocessing.api": "start_processes",
            "IPython.utils.process": "system getoutput",
        },
    ),
    Denied(
        rule=RUN,
        reason="run Python code",
        modules="code codeop runpy pdb bdb profile cProfile _lsprof trace timeit doctest unittest pydoc rlcompleter compileall py_compile "
        "zipapp ihooks imputil rexec Bastion modulefinder xmlrpc.server SimpleXMLRPCServer DocXMLRPCServer IPython ipykernel jupyter_client jinja2 mako "
        "sympy.parsing numexpr asteval RestrictedPython _xxsubinterpreters _interpreters _interpqueues "
        "interpreters concurrent threading _thread thread multiprocessing _multiprocessing multiprocess _multiprocess pathos ppft asyncio _asyncio sched billiard celery "
        "loky joblib.externals.loky patsy tkinter turtle execnet cffi pycparser nose pytest _pytest py hypothesis marimo streamlit gradio fire",
        names={
            "builtins": "eval exec execfile compile __import__ input raw_input apply breakpoint reload help __build_class__",
            "types": "FunctionType LambdaType CodeType MethodType BuiltinFunctionType BuiltinMethodType ModuleType CellType "
            "new_class DynamicClassAttribute coroutine",
            "collections": "namedtuple",
            "new": "code function instancemethod classobj module",
            "typing": "get_type_hints ForwardRef _eval_type evaluate_forward_ref",
            "annotationlib": "ForwardRef call_evaluate_function call_annotate_function",
            "dataclasses": "make_dataclass _create_fn _process_class",
            "logging.config": "dictConfig fileConfig listen",
            "gettext": "c2py",
            "torch._dynamo.utils": "*",
            "numpy.testing": "runstring rundocs measure",
            "numpy.testing._private.utils": "runstring rundocs measure",
            "numpy.lib.utils": "safe_eval",
            "numpy.core._internal": "_eval",
            "numpy": "safe_eval fromregex frompyfunc apply_along_axis",
            "pandas": "eval",
            "pandas.core.computation.eval": "eval",
            "pandas.core.computation.expr": "Expr",
            "pandas.core.frame": "DataFrame.eval DataFrame.query",
            "sympy": "sympify S lambdify parse_expr",
            "sympy.core.sympify": "sympify",
            "sympy.utilities.lambdify": "lambdify",
            "torch.fx.graph_module": "_exec_with_source _forward_from_src _method_from_src",
            "torch.fx.experimental.symbolic_shapes": "eval_guards",
            "torch._export.serde.serialize": "deserialize",
            "torch._inductor.codecache": "*",
            "sklearn.utils._testing": "*",
            "statsmodels.compat.python": "*",
            "keras.utils": "func_load",
            "keras.src.utils.python_utils": "func_load",
            "keras.utils.generic_utils": "func_load",
            "tensorflow.python.keras.utils.generic_utils": "func_load",
            "keras.layers": "Lambda",
            "keras.layers.core": "Lambda",
            "keras.src.layers.core.lambda_layer": "Lambda",
            "tensorflow.keras.layers": "Lambda",
            "yaml": "load unsafe_load full_load load_all unsafe_load_all",
            "transformers": "pipeline",
            "transformers.pipelines": "pipeline",
            "transformers.dynamic_module_utils": "get_class_from_dynamic_module get_class_in_module init_empty_weights",
            "PIL.ImageMath": "eval unsafe_eval lambda_eval",
            "PIL.ImageShow": "*",
            "PIL.ImageGrab": "*",
            "hydra.utils": "instantiate call get_class get_method get_object",
            "hydra._internal.instantiate._instantiate2": "instantiate",
            "hydra._internal.utils": "_locate",
            "functools": "partialmethod cached_property singledispatch",
        },
    ),
    Denied(
        rule=RUN,
        reason="load native code or reach raw memory",
        modules="ctypes _ctypes dl llvmlite numpy.ctypeslib torch._C._jit torch.classes torch.utils.cpp_extension torch.cpp torch._inductor torch.compiler "
        "numpy.f2py numpy.distutils torch._export torch._functorch triton tvm pycuda cupy.cuda",
        names={
            "torch": "compile",
            "torch.cuda": "CUDAPluggableAllocator",
            "torch.cuda.memory": "CUDAPluggableAllocator",
            "torch.xpu.memory": "XPUPluggableAllocator",
            "torch.ops": "load_library",
            "torch._ops": "_Ops _OpNamespace",
            "torch._classes": "_Classes",
            "_ctypes_test": "func",
            "mmap": "mmap",
            "numpy.core._multiarray_umath": "add_docstring",
            "torch.utils": "cpp_extension",
            "tensorflow": "load_op_library load_library py_function numpy_function",
            "tensorflow.python.framework.load_library": "load_op_library load_library",
        },
    ),
    Denied(
        rule=RUN,
        reason="import modules, or fetch any attribute of any object by name",
        modules="importlib _frozen_importlib _frozen_importlib_external _imp imp zipimport pkgutil",
        names={
            "builtins": "vars dir globals locals",
            "operator": "call",
            "_operator": "call",
            "inspect": "getattr_static getsource getmodule",
            "numpy.core._internal": "_ufunc_doc_signature_formatter",
            "torch.package": "PackageImporter",
            "torch.package.package_importer": "PackageImporter",
            "pydoc": "locate safeimport resolve importfile",
            "xmlrpc.client": "Unmarshaller",
            "django.utils.module_loading": "import_string",
            "werkzeug.utils": "import_string",
            "mmengine.config.lazy": "LazyAttr LazyObject",
            "unittest.mock": "_importer _get_target patch",
            "unittest.util": "*",
            "optparse": "Option",
            "traitlets.utils.importstring": "import_item",
            "_pyrepl": "*",
        },
    ),
    Denied(
        rule=FILE,
        reason="read, write, move or delete files",
        modules="shutil tempfile fileinput filecmp linecache zipfile tarfile gzip bz2 lzma mailbox netrc dbm anydbm whichdb dumbdbm dbhash gdbm bsddb "
        "sqlite3 _sqlite3 shelve fcntl mmap pathlib._os plistlib wave aifc sunau sndhdr imghdr h5py zarr tables fsspec "
        "s3fs gcsfs logging.handlers tensorboard tensorboardX netCDF4 openpyxl xlrd nbformat xml.sax lxml "
        "torch.utils.tensorboard diskcache filelock",
        names={
            "builtins": "open file",
            "io": "open open_code FileIO OpenWrapper text_encoding",
            "_io": "open open_code FileIO _WindowsConsoleIO",
            "_pyio": "open open_code FileIO OpenWrapper",
            "codecs": "open EncodedFile",
            "glob": "glob iglob glob0 glob1",
            "logging": "FileHandler basicConfig Handler StreamHandler",
            "numpy": "save savez savez_compressed savetxt loadtxt genfromtxt fromfile memmap DataSource",
            "numpy.lib.npyio": "save savez savetxt loadtxt genfromtxt fromregex DataSource NpzFile zipfile_factory",
            "numpy.lib._npyio_impl": "save savez savetxt loadtxt genfromtxt fromregex NpzFile",
            "numpy.lib._datasource": "open DataSource Repository",
            "numpy.lib.format": "open_memmap",
            "numpy.core.records": "fromfile",
            "numpy.core.multiarray": "fromfile",
            "numpy._core.multiarray": "fromfile",
            "numpy.core.memmap": "memmap",
            "numpy._core.memmap": "memmap",
            "pandas": "read_csv read_table read_json read_html read_xml read_excel read_hdf read_feather read_parquet read_orc read_sas "
            "read_spss read_stata read_fwf read_gbq HDFStore ExcelFile ExcelWriter to_pickle",
            "torch": "save from_file",
            "torch.serialization": "save _legacy_save",
            "joblib": "dump",
            "joblib.logger": "PrintTime",
            "gensim.models.wrappers": "LdaVowpalWabbit",
            "gensim.models.wrappers.ldavowpalwabbit": "LdaVowpalWabbit",
            "ultralytics.utils": "JSONDict SettingsManager",
            **dict.fromkeys(("scipy.odr", "scipy.odr._odrpack", "scipy.odr.odrpack"), "ODR"),
            "joblib.numpy_pickle": "dump",
            "pathlib": "Path.open Path.read_text Path.read_bytes Path.write_text Path.write_bytes Path.unlink Path.rmdir Path.mkdir "
            "Path.rename Path.replace Path.touch Path.chmod Path.symlink_to Path.hardlink_to",
            "cv2": "imread imwrite VideoCapture VideoWriter FileStorage",
            "imageio": "imread imwrite mimread volread get_reader get_writer",
            "PIL.Image": "open",
            "xml.etree.ElementTree": "parse iterparse ElementTree",
            "tokenize": "open",
            "base64": "main",
            "mimetypes": "guess_type init",
            "distutils.file_util": "write_file copy_file",
            "lib2to3.pgen2.driver": "load_grammar",
            "idlelib.autocomplete": "AutoComplete",
            "site": "main addsitedir",
            "faulthandler": "enable register",
        },
    ),
    Denied(
        rule=NET,
        reason="reach the network",
        modules="socket _socket ssl _ssl http httplib urllib urllib2 urllib3 ftplib smtplib smtpd telnetlib poplib imaplib nntplib xmlrpc xmlrpclib "
        "socketserver SocketServer BaseHTTPServer SimpleHTTPServer CGIHTTPServer asyncore asynchat selectors select wsgiref requests httpx aiohttp httpcore "
        "websocket websockets tornado twisted flask fastapi django uvicorn boto3 botocore google.cloud azure pycurl "
        "huggingface_hub gdown wget kaggle kagglehub datasets.load torch.hub torch.distributed.rpc torch.utils.model_zoo redis pymongo pika kafka zmq grpc "
        "dns nmap scapy sqlalchemy psycopg2 pymysql MySQLdb ldap sklearn.datasets sklearn.callback torchvision.datasets nltk.downloader nltk.data spacy.cli gensim.downloader",
        names={
            "cgi": "FieldStorage",
            "torchvision.datasets.utils": "*",
            "transformers.utils.hub": "cached_file cached_path get_file_from_repo",
            "keras.utils": "get_file",
            "tensorflow.keras.utils": "get_file",
            "nltk": "download",
            "spacy": "load",
        },
    ),
    Denied(
        rule=LOAD,
        reason="unpickle or unmarshal other data",
        modules="pickle _pickle cPickle pickletools marshal jsonpickle skops.io pandas.io.pickle pandas.compat.pickle_compat klepto torch.multiprocessing "
        "multiprocessing.reduction sklearn.externals.joblib.numpy_pickle_utils hickle dill.session dill.source",
        names={
            "torch": "load",
            "torch.serialization": "load _load _legacy_load load_library",
            "torch.jit": "*",
            "torch.jit._serialization": "*",
            "numpy": "load loads",
            "numpy.lib.npyio": "load",
            "numpy.lib._npyio_impl": "load",
            "numpy.lib.format": "read_array",
            "numpy.core.numeric": "load loads",
            "numpy.core.multiarray": "loads",
            "pandas": "read_pickle",
            "joblib": "load",
            "joblib.numpy_pickle": "load _unpickle load_temporary_memmap NumpyUnpickler",
            "joblib.numpy_pickle_compat": "load_compatibility ZipNumpyUnpickler",
            "sklearn.externals.joblib": "load",
            "dill": "loads load load_session load_module",
            "dill._dill": "loads load _eval_repr _create_filehandle",
            "dill.dill": "loads load",
            "cloudpickle": "loads load",
            "cloudpickle.cloudpickle": "loads load",
            "torch.utils.data.datapipes.utils.decoder": "*",
            "copyreg": "pickle add_extension dispatch_table",
            "torch._weights_only_unpickler": "load Unpickler",
            "torch._utils_internal": "*",
            "torch.distributed.distributed_c10d": "_tensor_to_object",
            "torch.distributed._shard.checkpoint": "*",
            "torch.utils.serialization": "*",
            "tensorflow.python.util.serialization": "*",
        },
    ),
    Denied(
        rule=STATE,
        reason="change the interpreter's own state",
        modules="sys gc atexit signal _signal site sysconfig faulthandler resource tracemalloc readline sitecustomize usercustomize",
        names={
            "builtins": "delattr exit quit super",
            "warnings": "simplefilter filterwarnings catch_warnings",
            "copyreg": "constructor",
            "_operator": "setitem delitem",
            "operator": "setitem delitem iadd",
            "threading": "settrace setprofile",
            "locale": "setlocale",
            "_locale": "setlocale",
            "weakref": "finalize",
            "codecs": "register register_error",
            "_codecs": "register register_error",
            "time": "sleep",
            "select": "select",
            "tempfile": "_TemporaryFileCloser",
        },
    ),
    Denied(
        rule=EFFECT,
        reason="act as soon as they are imported",
        modules="antigravity this __phello__ __hello__ idlelib.idle",
    ),
    Denied(
        rule=SCANNER,
        reason="reach a scanner of model files, to blind it",
        modules="picklescan modelscan fickling modelaudit picklewatch modelwarden hayward pickleguard pytorch_check",
    ),
)

INDIRECT: dict[str, str] = {
    "builtins": "map filter",
    "itertools": "imap ifilter starmap takewhile dropwhile filterfalse ifilterfalse groupby accumulate",
    "functools": "cmp_to_key lru_cache _lru_cache_wrapper wraps update_wrapper singledispatchmethod",
    "_functools": "cmp_to_key",
    "toolz": "compose pipe curry",
    "cytoolz": "compose pipe curry",
    **dict.fromkeys(
        (
            "lightning.pytorch.cli",
            "pytorch_lightning.cli",
            "pytorch_lightning.utilities.cli",
        ),
        "LightningCLI instantiate_class instantiate_module",
    ),
}
"""What calls the callable that it is handed: dangerous when called, a doubt when referenced."""

EVALUATORS: dict[str, str] = {
    "sympy": "Symbol Dummy Wild Str Float Integer Rational Function UndefinedFunction MatrixSymbol IndexedBase Idx",
}
"""Libraries whose classes evaluate any text that they are made from as Python (``sympify``) → those of them that do not."""

SOURCE_CARRIERS: frozenset[tuple[str, str]] = frozenset(
    {
        # StyleGAN2-ADA, StyleGAN3 and EDM keep the source of each class beside its state, and execute it (torch_utils/persistence.py)
        ("torch_utils.persistence", "_reconstruct_persistent_obj"),
        # StyleGAN, StyleGAN2 and ProGAN execute build_module_src of the state in __setstate__ (dnnlib/tflib/network.py, tfutil.py)
        ("dnnlib.tflib.network", "Network"),
        ("dnnlib.tflib", "Network"),
        ("tfutil", "Network"),
    }
)
"""What executes the source text that the file has beside the state."""

CARRIERS: frozenset[tuple[str, str]] = SOURCE_CARRIERS | frozenset(
    {
        # namespaces that dill refers to when it rebuilds a function
        ("builtins", "__main__"),
        ("__main__", "__dict__"),
        ("builtins", "__dict__"),
        # what unpickles bytes of functions in its own __setstate__ or constructor
        ("polars.lazyframe.frame", "LazyFrame"),
        ("polars.expr.expr", "Expr"),
        ("polars", "LazyFrame"),
        ("polars", "Expr"),
        ("spacy.vocab", "unpickle_vocab"),
        ("spacy.tokens.doc", "unpickle_doc"),
        # calls the functions that it is given as soon as it is made
        ("spacy.tokenizer", "Tokenizer"),
        ("stable_baselines3.common.vec_env.base_vec_env", "CloudpickleWrapper"),
        ("stable_baselines.common.vec_env.base_vec_env", "CloudpickleWrapper"),
        ("gymnasium.vector.utils.misc", "CloudpickleWrapper"),
        ("gym.vector.utils.misc", "CloudpickleWrapper"),
        ("torch.utils.data.datapipes.datapipe", "_DataPipeSerializationWrapper"),
        ("torch.utils.data.datapipes.datapipe", "_IterDataPipeSerializationWrapper"),
        ("torch.utils.data.datapipes.datapipe", "_MapDataPipeSerializationWrapper"),
    }
)
"""What carries Python code by nature, by exact name."""

ALIASES: frozenset[str] = frozenset(
    [
        "os",
        "posix",
        "nt",
        "sys",
        "subprocess",
        "builtins",
        "__builtin__",
        "importlib",
        "runpy",
        "socket",
        "shutil",
        "ctypes",
        "pickle",
        "marshal",
        "pty",
        "code",
        "pdb",
        "multiprocessing",
        "threading",
        "tempfile",
        "urllib",
        "requests",
        "commands",
        "imp",
        "webbrowser",
    ]
)
"""Modules that many others import: reaching one as another module's attribute is a detour around a list."""

FUNCTIONS: frozenset[str] = frozenset(
    [
        "system",
        "popen",
        "popen2",
        "popen3",
        "popen4",
        "Popen",
        "eval",
        "exec",
        "execfile",
        "check_output",
        "check_call",
        "getoutput",
        "getstatusoutput",
        "__import__",
        "import_module",
        "import_string",
        "spawnl",
        "spawnle",
        "spawnlp",
        "spawnlpe",
        "spawnv",
        "spawnve",
        "spawnvp",
        "spawnvpe",
        "execl",
        "execle",
        "execlp",
        "execlpe",
        "execv",
        "execve",
        "execvp",
        "execvpe",
        "posix_spawn",
        "posix_spawnp",
        "fork",
        "forkpty",
        "startfile",
        "exec_command",
        "run_command",
        "shell_command",
        "exec_module",
        "load_module",
        "run_module",
        "run_path",
        "runctx",
        "runcode",
        "runsource",
        "execute_command",
        "CDLL",
        "PyDLL",
        "WinDLL",
        "OleDLL",
        "LoadLibrary",
        "load_library",
        "dlopen",
        "rmtree",
        "unlink",
        "urlopen",
        "urlretrieve",
        "unsafe_load",
        "fork_exec",
        "safe_eval",
        "runstring",
        "cpp_extension",
        "load_inline",
        "eval_expr",
        "func_load",
    ]
)
"""Names that say what a function does, in whatever module it is found."""

TYPES: frozenset[str] = frozenset({"FunctionType", "LambdaType", "CodeType", "MethodType", "CellType", "FileIO"})
"""Python's own types that make functions of bytes or open files; many libraries import them."""

DUNDERS: frozenset[str] = frozenset(
    [
        "__import__",
        "__builtins__",
        "__globals__",
        "__subclasses__",
        "__loader__",
        "__spec__",
        "__code__",
        "__closure__",
        "__getattribute__",
        "__reduce__",
        "__reduce_ex__",
        "__mro__",
        "__bases__",
        "__base__",
        "__init_subclass__",
        "__func__",
        "__self__",
        "__wrapped__",
        "__setattr__",
        "__delattr__",
        "__call__",
        "__get__",
        "f_globals",
        "f_builtins",
        "f_locals",
        "gi_frame",
        "cr_frame",
        "tb_frame",
        "func_globals",
        "func_code",
    ]
)
"""Attributes that lead out of an object into the interpreter."""

CODE_BEARING_MODULES: frozenset[str] = frozenset(
    [
        "cloudpickle",
        "dill",
        "pyspark.cloudpickle",
        "joblib.externals.cloudpickle",
        "ray.cloudpickle",
        "srsly.cloudpickle",
        "torch.fx",
        "torch.package",
        "distributed.protocol.pickle",
        "ray._private.cloudpickle",
        "sklearn.externals.joblib.externals.cloudpickle",
        "tblib",
        "numba.core.serialize",
        "bytecode",
    ]
)
"""Modules whose pickles carry Python code by nature."""

PLAIN_LITERALS: frozenset[str] = frozenset(
    "os posix nt subprocess builtins __builtin__ importlib runpy ctypes pickle marshal eval exec execfile popen Popen __import__ "
    "import_module getoutput check_output check_call rmtree CDLL".split()
)
"""Literals that name something dangerous by themselves when handed to an unknown callable."""

VENDORED_CARRIERS: frozenset[str] = frozenset({"cloudpickle", "dill"})
"""Packages that carry Python code, of which many libraries bring a copy of their own."""

SELF_TEST = "PICKLEWATCH_SELF_TEST"
"""The module that the harmless self-test file imports."""

QUARANTINED = "QUARANTINED_BY_"
"""How the module begins that a tombstone imports."""
