"""Effects of calling an import, as phrases that follow "it would". Pure."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from picklewatch.catalogue.imports.classify import judge
from picklewatch.catalogue.imports.entries import Status
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from picklewatch.catalogue.imports.classify import Judged

_GIVEN = 200
_PARTS = 12

PHRASES: tuple[tuple[str, str], ...] = (
    ("*.system", "run the shell command {given}"),
    ("*.popen", "run the shell command {given}"),
    ("subprocess.getoutput", "run the shell command {given}"),
    ("subprocess.getstatusoutput", "run the shell command {given}"),
    ("commands.get*", "run the shell command {given}"),
    ("subprocess.*", "start the program {given}"),
    ("os.exec*", "become the program {given}"),
    ("posix.exec*", "become the program {given}"),
    ("os.spawn*", "start the program {given}"),
    ("os.posix_spawn*", "start the program {given}"),
    ("posix.posix_spawn*", "start the program {given}"),
    ("pty.spawn", "start the program {given} with a terminal"),
    ("builtins.eval", "run the Python expression {given}"),
    ("builtins.exec", "run the Python code {given}"),
    ("__builtin__.eval", "run the Python expression {given}"),
    ("__builtin__.exec*", "run the Python code {given}"),
    ("builtins.compile", "compile the Python code {given}"),
    ("code.*", "run the Python code {given}"),
    ("runpy.*", "run the Python file or module {given}"),
    ("builtins.__import__", "import the module {given}"),
    ("importlib.import_module", "import the module {given}"),
    ("pip.*", "install packages: {given}"),
    ("*.rmtree", "delete {given} and everything below it"),
    ("os.remove", "delete the file {given}"),
    ("os.unlink", "delete the file {given}"),
    ("posix.unlink", "delete the file {given}"),
    ("pathlib.*.unlink", "delete the file {given}"),
    ("builtins.open", "open the file {given}"),
    ("io.open", "open the file {given}"),
    ("pathlib.*.write_*", "write the file {given}"),
    ("shutil.copy*", "copy files: {given}"),
    ("shutil.move", "move files: {given}"),
    ("socket.*", "open a network connection: {given}"),
    ("urllib.request.*", "fetch from the network: {given}"),
    ("requests.*", "contact the network: {given}"),
    ("http.client.*", "contact the network: {given}"),
    ("httpx.*", "contact the network: {given}"),
    ("ftplib.*", "contact the network: {given}"),
    ("smtplib.*", "send mail: {given}"),
    ("webbrowser.open*", "open {given} in the browser"),
    ("ctypes.*", "load native code or reach raw memory: {given}"),
    ("pickle.load*", "unpickle further data without a check: {given}"),
    ("_pickle.load*", "unpickle further data without a check: {given}"),
    ("cloudpickle.*", "unpickle further data or code: {given}"),
    ("dill.*", "unpickle further data or code: {given}"),
    ("torch.load", "unpickle further data without a check: {given}"),
    ("joblib.load", "unpickle further data without a check: {given}"),
    ("marshal.loads", "load compiled Python code: {given}"),
    ("types.FunctionType", "make a Python function of compiled code"),
    ("types.CodeType", "make compiled Python code"),
    ("builtins.getattr", "reach for an attribute: {given}"),
    ("operator.*", "call a function in a roundabout way: {given}"),
    ("functools.partial", "prepare a call: {given}"),
    ("builtins.map", "call a function for each of several values: {given}"),
    ("time.sleep", "wait for {given} seconds"),
    ("sys.exit", "end the program that loads it"),
    ("os._exit", "end the program that loads it"),
    ("os.kill", "send a signal to a process: {given}"),
    ("os.putenv", "change the environment: {given}"),
    ("os.environ.*", "change the environment: {given}"),
    ("os.fork", "start a copy of the program that loads it"),
)
"""Pattern of ``module.name`` → phrase; the first that matches counts."""


def effect(name: str, given: str) -> str:
    """Return the phrase for calling *name* with the arguments *given*.

    >>> effect("os.system", "'id'"), effect("somelib.Thing", "1")
    ("run the shell command 'id'", 'call somelib.Thing(1), which nobody has vouched for')
    """
    given = printable(given if len(given) <= _GIVEN else given[: _GIVEN - 1] + "…")
    for pattern, phrase in PHRASES:
        if fnmatchcase(name, pattern):
            return phrase.format(given=given or "(nothing)")
    judged = _readings(name)
    call = f"call {printable(name)}({given})"
    for reading in judged:
        if reading.status is Status.DENIED:
            return f"{call}, which can {reading.reason}"
    if any(reading.status is Status.CODE for reading in judged):
        return f"rebuild Python code that the file carries (with {printable(name)})"
    vouched = any(reading.status is Status.VOUCHED for reading in judged)
    return call if vouched else f"{call}, which nobody has vouched for"


def _readings(name: str) -> list[Judged]:
    """Judge *name* at every dot that may part the module from the attribute."""
    parts = name.split(".")[:_PARTS]
    return [judge(".".join(parts[:at]), ".".join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]
