"""Calls in Python source by what they do, and the words of commands, paths and hosts that decide about them. Pure.

Names are as `picklewatch.analysis.python.import_names` resolves them: through imports and aliases, ``()`` for the result of a
call. What imports alone say is in `picklewatch.catalogue.imports`; here arguments decide, because honest code acts, too.
"""

from __future__ import annotations

import re
from enum import StrEnum


class PythonAct(StrEnum):
    """What a call does, as a phrase behind "it"."""

    RUN = "runs a program"
    CODE = "executes code that is made at run time"
    FETCH = "reaches the network"
    SOCKET = "opens a socket"
    WRITE = "changes files outside of its folder"
    READ = "reads a file"
    UNPICKLE = "unpickles other data"
    NATIVE = "loads native code"


def _names(act: PythonAct, **modules: str) -> dict[str, PythonAct]:
    return {f"{module.replace('__', '.')}.{name}": act for module, names in modules.items() for name in names.split()}


ACTS: dict[str, PythonAct] = {
    **_names(
        PythonAct.RUN,
        os="system popen popen2 popen3 popen4 execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe "
        "spawnv spawnve spawnvp spawnvpe posix_spawn posix_spawnp startfile",
        posix="system popen execv execve posix_spawn posix_spawnp",
        nt="system startfile",
        subprocess="run call check_call check_output Popen getoutput getstatusoutput",
        commands="getoutput getstatusoutput",
        pty="spawn",
        asyncio="create_subprocess_shell create_subprocess_exec",
        pexpect="spawn run",
        pip="main",
        pip___internal="main",
        pip___internal__main="main",
        pip___internal__cli__main="main",
        platform="popen",
        webbrowser="open open_new open_new_tab",
        runpy="run_path run_module _run_module_as_main _run_module_code",
        _posixsubprocess="fork_exec",
        distutils__spawn="spawn",
        setuptools___distutils__spawn="spawn",
        numpy__distutils__exec_command="exec_command",
        psutil="Popen",
        pydoc="pipepager tempfilepager",
        invoke="run",
        fabric="Connection().run Connection().local",
        IPython="get_ipython().system",
        ctypes="CDLL().system CDLL().popen CDLL().execv CDLL().execve cdll.LoadLibrary().system PyDLL().system",
    ),
    **_names(PythonAct.CODE, builtins="exec eval compile", types="CodeType FunctionType", code="InteractiveInterpreter().runsource",
        timeit="timeit repeat Timer", cProfile="run runctx", profile="run runctx", pdb="run runeval", bdb="Bdb().run Bdb().runeval",
        trace="Trace().run", doctest="debug_script", numpy__testing="runstring", ctypes="pythonapi.PyRun_SimpleString"),
    **_names(
        PythonAct.FETCH,
        urllib__request="urlopen urlretrieve build_opener().open URLopener().open",
        urllib="urlopen urlretrieve",
        urllib2="urlopen",
        requests="get post put patch delete head request Session().get Session().post Session().request Session().put",
        httpx="get post put patch request stream Client().get Client().post Client().request",
        aiohttp="request ClientSession().get ClientSession().post",
        urllib3="request PoolManager().request",
        http__client="HTTPConnection().request HTTPSConnection().request",
        ftplib="FTP FTP_TLS",
        smtplib="SMTP SMTP_SSL",
        wget="download",
        paramiko="SSHClient().connect",
        websocket="create_connection",
    ),
    **_names(PythonAct.SOCKET, socket="create_connection create_server socket().connect socket().connect_ex socket().bind",
        asyncio="open_connection start_server",
        socketserver="TCPServer ThreadingTCPServer UDPServer",
        http__server="HTTPServer ThreadingHTTPServer",
        telnetlib="Telnet"),
    **_names(
        PythonAct.WRITE,
        os="remove unlink rmdir removedirs rename renames replace makedirs mkdir symlink link chmod chown truncate mkfifo mknod",
        shutil="rmtree move copy copy2 copyfile copytree unpack_archive chown",
        pathlib="Path().write_text Path().write_bytes Path().unlink Path().rmdir Path().rename Path().replace Path().touch "
        "Path().symlink_to Path().hardlink_to Path().chmod",
    ),
    **_names(PythonAct.READ, builtins="open", io="open open_code FileIO", codecs="open", pathlib="Path().open Path().read_text Path().read_bytes",
             os="open", shelve="open", sqlite3="connect"),
    **_names(
        PythonAct.UNPICKLE,
        pickle="load loads Unpickler().load",
        _pickle="load loads Unpickler().load",
        cPickle="load loads",
        dill="load loads",
        cloudpickle="load loads",
        marshal="load loads",
        jsonpickle="decode",
        yaml="unsafe_load unsafe_load_all",
    ),
    **_names(
        PythonAct.NATIVE,
        ctypes="CDLL PyDLL WinDLL OleDLL cdll.LoadLibrary windll.LoadLibrary pydll.LoadLibrary LibraryLoader().LoadLibrary",
        cffi="FFI().dlopen FFI().verify",
        torch="ops.load_library classes.load_library utils.cpp_extension.load utils.cpp_extension.load_inline",
        tensorflow="load_op_library load_library",
    ),
}  # fmt: skip
"""Dotted name → what calling it does."""

SENDS = frozenset({
    "requests.post", "requests.put", "requests.patch", "requests.get", "requests.request", "requests.Session().post",
    "requests.Session().put", "requests.Session().get", "requests.Session().request", "httpx.post", "httpx.put", "httpx.get",
    "httpx.request", "httpx.Client().post", "urllib.request.urlopen", "urllib.request.Request", "urllib2.urlopen",
    "http.client.HTTPConnection().request", "http.client.HTTPSConnection().request", "socket.socket().send",
    "socket.socket().sendall", "socket.socket().sendto", "socket.create_connection().sendall",
    "socket.create_connection().send", "smtplib.SMTP().sendmail", "smtplib.SMTP_SSL().sendmail",
    "aiohttp.ClientSession().post", "urllib3.PoolManager().request", "socket.gethostbyname", "socket.getaddrinfo",
})  # fmt: skip
"""Calls whose arguments leave the machine."""
UNSENT = frozenset({"headers", "auth", "timeout", "verify", "proxies", "cert", "cookies"})
"""Keywords of them that carry an honest client's own credentials."""

DECODERS = frozenset({
    "base64.b64decode", "base64.b32decode", "base64.b16decode", "base64.b85decode", "base64.a85decode",
    "base64.urlsafe_b64decode", "base64.standard_b64decode", "base64.decodebytes", "base64.decodestring",
    "binascii.unhexlify", "binascii.a2b_base64", "binascii.a2b_hex", "codecs.decode", "bytes.fromhex",
    "bytearray.fromhex", "builtins.bytes.fromhex", "builtins.bytearray.fromhex", "zlib.decompress", "gzip.decompress",
    "bz2.decompress", "lzma.decompress", "marshal.loads", "marshal.load", "cryptography.fernet.Fernet().decrypt",
    "zlib.decompressobj().decompress",
})  # fmt: skip
"""Calls that make readable what nobody could read."""
RECEIVERS = frozenset({
    "urllib.request.urlopen", "urllib2.urlopen", "urllib.urlopen", "requests.get", "requests.post", "requests.request",
    "requests.Session().get", "requests.Session().post", "httpx.get", "httpx.post", "socket.socket().recv",
    "socket.create_connection().recv", "socket.socket().recvfrom", "socket.socket().makefile", "socket.socket().accept",
    "urllib.request.build_opener().open", "http.client.HTTPSConnection().getresponse",
    "http.client.HTTPConnection().getresponse", "aiohttp.ClientSession().get", "urllib3.PoolManager().request",
    "urllib.request.urlretrieve", "wget.download",
})  # fmt: skip
"""Calls whose result comes from the network."""
SOCKETS = frozenset({"socket.socket", "socket.create_connection", "ssl.wrap_socket", "socket.fromfd"})

HIDEABLE = frozenset({"os", "posix", "nt", "subprocess", "builtins", "__builtin__", "socket", "ctypes", "marshal", "pty",
                      "importlib", "runpy", "code", "shutil", "pickle", "commands", "sys"})  # fmt: skip
"""Modules whose name nobody puts together from pieces but to hide it."""
HIDDEN_NAMES = frozenset({"system", "popen", "Popen", "exec", "eval", "compile", "__import__", "import_module", "spawn",
                          "check_output", "check_call", "getoutput", "execv", "execve", "__builtins__", "__globals__",
                          "__subclasses__", "loads", "CDLL", "urlopen", "dup2"})  # fmt: skip
"""The same for attributes."""

_FETCHED_AND_RUN = (
    r"\b(?:curl|wget|fetch)\b[^;&]{0,300}\|\s{0,9}(?:sudo\s{1,9})?(?:/\S{0,99}/)?(?:(?:ba|z|da)?sh|python[\d.]{0,4})\b"
    r"|\b(?:ba|z|da)?sh\s{1,9}-c\s{1,9}[\"']?\$\((?:curl|wget)\b|<\((?:curl|wget)\b"
)
"""What installers tell people to type, too."""
_ATTACKS = (
    r"/dev/(?:tcp|udp)/|\b(?:ba|z|da|k)?sh\s{1,9}-i\b[^|;]{0,99}[<>]|\bnc(?:at)?\b[^|;\n]{0,200}\s-\w{0,9}[ec]\b|\bmkfifo\b.{0,200}\bnc\b"
    r"|base64\s{1,9}(?:-d|-D|--decode)\b[^|]{0,200}\|\s{0,9}(?:\S{0,99}/)?(?:ba|z|da)?sh\b|DownloadString\s{0,9}\("
    r"|powershell(?:\.exe)?\b[^\n]{0,200}\s-e(?:nc\w{0,12}|c)?\s{1,9}[A-Za-z0-9+/=]{16}|\bregsvr32\b[^\n]{0,200}\bhttps?:"
    r"|\b(?:iex|Invoke-Expression)\b[^\n]{0,200}\b(?:DownloadString|iwr|irm|Invoke-WebRequest|curl)\b|\b(?:iwr|irm|Invoke-WebRequest)\b[^\n]{0,300}\|\s{0,9}iex\b"
    r"|\bmshta\s{1,9}(?:https?|vbscript|javascript):|\bcertutil\b[^\n]{0,200}-urlcache|\bbitsadmin\b[^\n]{0,200}/transfer|\bxmrig\b|:\(\)\s{0,9}\{\s{0,9}:\|:"
)
ATTACK_COMMAND = re.compile(
    rf"{_FETCHED_AND_RUN}|{_ATTACKS}|\bsh\s{{1,9}}-i\b|\brm\s{{1,9}}-[rRf]{{2,9}}\s{{1,9}}(?:/|~|\$HOME)(?:\s|\*|$)|\bchattr\b.{{0,99}}\+i\b",
    re.IGNORECASE | re.DOTALL,
)
"""Commands that no model's code runs."""
ATTACK_SCRIPT = re.compile(_ATTACKS.encode(), re.IGNORECASE | re.DOTALL)
"""The same for scripts, which people start: installers fetch and run, and remove what they made."""
QUIET_COMMAND = re.compile(
    r"\s*(?:$|(?:\S*/)?(?:git\s+(?:-C\s+\S+\s+)?(?:rev-parse|describe|log|status|diff|branch|remote|show|ls-files|config\s+--get|--version|symbolic-ref)"
    r"|nvidia-smi|rocm-smi|rocminfo|amd-smi|xpu-smi|npu-smi|hl-smi|neuron-ls|nvcc|ptxas|uname|lscpu|sysctl|sw_vers|which|where|whereis|command\s+-v"
    r"|clear|cls|color|chcp|title|tput|stty|getconf|ldconfig|lsb_release|arch|nproc|vm_stat|lspci|xcrun"
    r"|ffmpeg|ffprobe|gcc|g\+\+|cc|c\+\+|clang(?:\+\+)?|cl|make\s+--version|cmake\s+--version|java\s+-version|sox|espeak(?:-ng)?|ldd|otool|nm|readelf"
    r"|(?:python3?|pip3?)\s+--version|cat\s+/(?:proc|etc/os-release|sys)\S*)(?:\.exe)?(?=[\s\0;|]|$)[^|;&<>`$]*(?:2?>\s*&?[\w/]*|\|\s*(?:head|tail|grep|wc|cut|awk|sort)[^|;&<>`$]*)*)$",
    re.DOTALL,
)
"""Commands that tell about the machine and change nothing, whole."""
PACKAGES = re.compile(
    r"\bpip3?\b[^|;&]*\binstall\b|\b(?:conda|mamba|uv|apt|apt-get|brew|npm)\b[^|;&]*\binstall\b|\beasy_install\b"
)
"""Commands that install packages."""

SECRET_PATH = re.compile(
    r"(?:^|[/\\])(?:\.ssh(?:[/\\]|$)|\.aws(?:[/\\]|$)|\.netrc$|_netrc$|\.pgpass$|\.git-credentials$|\.gnupg(?:[/\\]|$)|\.kube(?:[/\\]|$)|\.docker[/\\]config\.json"
    r"|\.config[/\\](?:gcloud|gh|google-chrome|chromium|solana)|\.azure(?:[/\\]|$)|\.(?:bash|zsh|python|node_repl)_history$|\.npmrc$|\.pypirc$|\.boto$|\.s3cfg$"
    r"|huggingface[/\\](?:token|stored_tokens)$|\.huggingface[/\\]token$|id_(?:rsa|dsa|ecdsa|ed25519)\b|\.mozilla[/\\]|Login Data$|Cookies$|\.electrum|wallet\.dat$|\.bitcoin(?:[/\\]|$)|\.ethereum(?:[/\\]|$)|\.config[/\\]Exodus)"
    r"|^/etc/(?:shadow|passwd|sudoers|gshadow)\b|^/proc/(?:self|\d+)/environ|^/root(?:/|$)|^/var/run/secrets|^/run/secrets"
)
"""Files with credentials."""
START_PATH = re.compile(
    r"(?:^|[/\\])(?:\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zprofile|zshenv|xinitrc|xprofile|vimrc|gitconfig)$|authorized_keys$|\.config[/\\](?:autostart|systemd|fish)"
    r"|LaunchAgents[/\\]|LaunchDaemons[/\\]|Start Menu[/\\]|(?:site|user)customize\.py$|[^/\\]+\.pth$|\.git[/\\]hooks)|^/etc/(?:cron|profile|init|systemd|rc\.local|ld\.so)|^/var/spool/cron|site-packages[/\\][^/\\]+\.(?:py|pth)$"
)
"""Files that something runs later."""
CREDENTIAL = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_KEY|CREDENTIAL|PRIVATE_KEY", re.IGNORECASE)
"""Names of variables of the environment that hold credentials."""
OWN_HOSTS = re.compile(
    r"https?://(?:[\w-]+\.)*(?:huggingface\.co|hf\.co|github\.com|githubusercontent\.com|github\.io|pytorch\.org|fbaipublicfiles\.com|googleapis\.com"
    r"|azureedge\.net|windows\.net|modelscope\.cn|kaggle\.com|zenodo\.org|openmmlab\.com|paddlepaddle\.org|bcebos\.com|tensorflow\.org|aliyuncs\.com|localhost|127\.0\.0\.1|cocodataset\.org|wikimedia\.org|unsplash\.com)[/:\0]"
)
"""Hosts from which honest models fetch their weights and examples."""
SYSTEM_LIBRARY = re.compile(
    r"(?:lib(?:c|m|dl|pthread|rt|cuda|cudart|nvidia-ml|nvrtc|hip|amdhip64|omp|gomp|stdc\+\+|X11|GL|SystemB?|objc)\b[\w.+-]*|(?:user32|kernel32|msvcrt|shell32|ntdll|nvcuda|nvml|advapi32|dwmapi|cudart)\w*(?:\.dll)?)\Z"
    r"|/(?:usr/lib|System/Library)\S*\Z"
)
"""Libraries of the system."""
SHELLCODE = frozenset({"VirtualAlloc", "VirtualAllocEx", "RtlMoveMemory", "CreateThread", "CreateRemoteThread", "WriteProcessMemory",
                       "mprotect", "NtCreateThreadEx", "QueueUserAPC", "memfd_create"})  # fmt: skip
"""Functions of systems that place machine code."""

LOADED_BASES = re.compile(
    r"(?:.*PreTrained\w*|.*PretrainedConfig|ProcessorMixin|.*ImageProcessor\w*|.*FeatureExtract\w+|GeneratorBasedBuilder|ArrowBasedBuilder"
    r"|BuilderConfig|.*DiffusionPipeline|ModelMixin|PyTorchModelHubMixin|BaseHandler|PythonModel|Pipeline|Module|.*Model|ConfigMixin|.*Handler|.*Tokenizer\w*"
    r"|LightningModule|Layer|SchedulerMixin|CustomOp|Estimator|BaseEstimator|ChatModel|ResponsesAgent)\Z"
)
"""Bases of classes that loaders make an object of."""
LOADED_CLASSES = re.compile(r"EndpointHandler\Z|\w*(?:Handler|Pipeline)\Z")
LOADED_METHODS = frozenset({
    "__init__", "__new__", "__init_subclass__", "__call__", "__setstate__", "__post_init__", "__getattr__", "__del__", "forward", "generate",
    "from_pretrained", "_from_pretrained", "_init_weights", "post_init", "tie_weights", "initialize", "preprocess", "inference", "postprocess", "handle", "load_context",
    "predict", "_info", "_split_generators", "_generate_examples", "_generate_tables", "setup", "configure_optimizers",
    "load_state_dict", "_load_from_state_dict", "build", "call", "prepare_inputs_for_generation", "prepare_inputs_for_inference", "_tokenize", "_sanitize_parameters", "_forward",
})  # fmt: skip
"""Methods of these that loading or ordinary use calls."""
LOADED_FUNCTIONS = frozenset(
    {
        "__getattr__",
        "_load_pyfunc",
        "handle",
        "generate",
        "model_fn",
        "predict_fn",
        "input_fn",
        "output_fn",
        "load_model_from_hub",
    }
)
"""Functions of a module that a loader calls by name: MLflow, TorchServe, transformers' custom_generate, SageMaker."""
