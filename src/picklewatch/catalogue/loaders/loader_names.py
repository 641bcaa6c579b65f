"""The judgement of what a key of `loader_keys` names: as the call that its loader makes of it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from picklewatch.catalogue.imports import denied as bad
from picklewatch.catalogue.imports.classify import LONGEST_NAME, judge, looks_like_class, otherwise_denied
from picklewatch.catalogue.imports.entries import Status
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.catalogue.loaders.diffusers_pipelines import DIFFUSERS_PIPELINES
from picklewatch.catalogue.loaders.loader_entry import Names
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from picklewatch.catalogue.imports.classify import Judged
    from picklewatch.catalogue.loaders.loader_entry import LoaderKey

TARGET, REMOTE, FOREIGN_CODE = "config-target", "config-remote-code", "config-foreign-code"
"""The rules."""


class Named(NamedTuple):
    """A finding about one key's value."""

    rule: str
    level: Level
    summary: str


_READERS: dict[str, str] = {
    "torchvision.datasets": "*",
    "torchvision.io": "*",
    "torchaudio": "load info",
    "torchaudio.datasets": "*",
    "torchtext.datasets": "*",
    "torch": "load compile",
    "torch.jit": "load",
    "torch.hub": "load load_state_dict_from_url",
    "torch.utils.tensorboard": "SummaryWriter",
    "torch.utils.tensorboard.writer": "SummaryWriter",
    "tensorboardX": "SummaryWriter",
    "numpy": "load loadtxt genfromtxt fromfile memmap",
    "numpy.lib.npyio": "load loadtxt genfromtxt",
    "pandas": "read_csv read_json read_parquet read_table read_feather read_excel read_hdf read_pickle",
    "joblib": "load",
    "PIL.Image": "open",
    "huggingface_hub": "hf_hub_download snapshot_download",
    "sklearn.datasets": "*",
    "transformers": "pipeline",
    "os.path": "join basename dirname abspath expanduser normpath exists isfile isdir splitext",
    "os": "getenv cpu_count getcwd",
    "glob": "glob iglob",
    "json": "load",
    "logging": "StreamHandler FileHandler",
    "logging.handlers": "RotatingFileHandler TimedRotatingFileHandler WatchedFileHandler",
}
"""Functions that are denied to pickles, and that honest configurations name: they read the data that a person trains
on, or write a log of it. What they read is a file of its own, which is scanned as one."""
_HARMLESS = {"logging": "StreamHandler NullHandler Formatter Filter"}
"""Classes that a call makes without a look at more than texts, numbers and the process's own streams."""
_STREAMS = frozenset({"ext://sys.stdout", "ext://sys.stderr"})
"""All that ``logging.config`` is asked to import beside them: anything else is somebody's object with a ``write``."""
_BY_NAME = {
    "hydra.utils": "get_method get_class get_object instantiate call",
    "hydra._internal.utils": "_locate",
    "lightning.pytorch.cli": "instantiate_module instantiate_class",
    "pytorch_lightning.cli": "instantiate_module instantiate_class",
}
"""Functions of loaders that import what one of their arguments names."""
_TRUSTED_OWNERS = frozenset({"facebookresearch", "facebookincubator", "pytorch", "fairinternal"})
"""Owners of repositories whose code ``torch.hub.load`` runs without a question (torch/hub.py)."""
_SPELT = re.compile(r"(?:path:|ext://)?([\w.]++)(?::([\w.]++))?")
"""A name as loaders spell it: ``module:name``, and with a mark in front."""
_NAME = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_ELSEWHERE = re.compile(r"[A-Za-z][\w+.-]*+://")
_LEADS_OUT = re.compile(r"(?:.*[/\\])?\.\.(?:[/\\].*)?|[/\\~].*|[A-Za-z]:.*", re.DOTALL)
_OFFICIAL_KERNELS = "kernels-community/"


def judge_call(entry: LoaderKey, name: str, texts: Sequence[str] = ()) -> Named | None:
    """Judge *name*, which *entry*'s loader imports and calls with *texts* among the arguments."""
    name = name.strip(" \t\r\n'\"")
    spelt = _SPELT.fullmatch(name)
    name = name if spelt is None else ".".join(filter(None, spelt.groups()))
    if len(name) > LONGEST_NAME:
        return _verdict(entry, name, Level.UNSAFE, "it is longer than any honest name")
    if _NAME.fullmatch(name) is None:
        return None
    module, _, attribute = name.rpartition(".")
    if _lists(_BY_NAME, module, attribute):
        return _worst(judge_call(entry, text) for text in texts if text != name)
    if _lists(_HARMLESS, module, attribute) and _STREAMS.issuperset(text for text in texts if "://" in text):
        return None
    if _lists(_READERS, module, attribute):
        return _judge_reader(entry, name, texts)
    return _judge_listed(entry, name, _judged(module, attribute), texts)


def _judge_listed(entry: LoaderKey, name: str, judged: Judged, texts: Sequence[str]) -> Named | None:
    own = name.partition(".")[0] in entry.own and looks_like_class(name)
    if own and name.endswith(".Lambda"):  # Keras' layer, which `Names.LAMBDA` judges
        return None
    if judged.level is Level.MALICIOUS:
        return _verdict(entry, name, Level.MALICIOUS, f"it can {judged.reason}")
    if (judged.status is Status.VOUCHED and judged.level is Level.INFO) or (judged.status is Status.FOREIGN and own):
        return None
    if judged.status in {Status.VOUCHED, Status.INDIRECT}:
        return _judge_caller(entry, name, texts)
    return _verdict(entry, name, _unlisted(entry, judged), "nobody vouched for it")


def _unlisted(entry: LoaderKey, judged: Judged) -> Level:
    """Return the level of a name that is on no list, or walks over attributes."""
    if judged.level is Level.UNSAFE and not (entry.only_loaders or judged.status is Status.CODE):
        return Level.UNVERIFIED
    return judged.level


def _judged(module: str, attribute: str) -> Judged:
    """Return the worst judgement of a name, which loaders split into module and attributes as the modules are."""
    judged = judge(module, attribute)
    called = otherwise_denied(module, attribute)
    if called is not None or judged.level is Level.MALICIOUS:
        return called or judged
    parts = [*module.split("."), attribute]
    if parts[0] not in STDLIB and parts[0] not in _DETOURS:
        return judged
    for start in range(1, len(parts) - 1):
        if parts[start] in bad.ALIASES:
            reached = judge(".".join(parts[start:-1]), attribute)
            if reached.level is Level.MALICIOUS:
                return reached
    return judged


_DETOURS = {
    "torch", "torchvision", "torchaudio", "numpy", "pandas", "scipy", "sklearn", "transformers", "diffusers",
    "datasets", "lightning", "pytorch_lightning", "hydra", "omegaconf", "nemo", "timm", "ultralytics",
    "mmengine", "mmcv", "huggingface_hub", "accelerate", "peft", "keras", "tensorflow", "jax", "flax", "PIL",
    "matplotlib", "joblib", "yaml", "jsonpickle", "fsspec", "requests", "tqdm", "einops", "pyannote",
    "sentence_transformers",
}  # fmt: skip
"""Libraries that loaders have at hand, and whose modules import those of the standard library."""


def _judge_reader(entry: LoaderKey, name: str, texts: Sequence[str]) -> Named:
    """Judge a function that reads data: from elsewhere it would run or unpickle what its server sends."""
    if name == "torch.hub.load":
        repositories = [text for text in texts if "/" in text and not text.startswith(("/", ".", "~"))]
        if any(text.partition("/")[0] not in _TRUSTED_OWNERS for text in repositories):
            return _verdict(entry, name, Level.UNSAFE, "it runs code of a repository that torch does not trust")
    elif name in _UNPICKLING and any(_ELSEWHERE.match(text) for text in texts):
        return _verdict(entry, name, Level.UNSAFE, "it unpickles what a server sends")
    return _verdict(entry, name, Level.UNVERIFIED, "it reads files or downloads")


DENIED_ROOTS = frozenset(
    name.partition(".")[0]
    for group in bad.DENIED
    for name in (*group.modules.split(), *group.names)
    if name.partition(".")[0] in STDLIB
)
"""Modules of Python that are denied, or have names that are."""
_UNPICKLING = frozenset(
    {"pandas.read_pickle", "numpy.load", "joblib.load", "torch.load", "torch.hub.load_state_dict_from_url"}
)


def _judge_caller(entry: LoaderKey, name: str, texts: Sequence[str]) -> Named:
    """Judge a function that is harmless only with the right arguments, such as ``getattr``."""
    for text in texts:
        if _MODULE.fullmatch(text) is None:
            continue
        module, _, attribute = text.rpartition(".")
        if judge(module or "_", attribute).level is Level.MALICIOUS:
            return _verdict(entry, name, Level.MALICIOUS, f"its argument {text} names what can do harm")
    return _verdict(entry, name, Level.UNVERIFIED, "its arguments decide what it does")


def reads_data(module: str, name: str) -> bool:
    """Return True for a function that reads data, as honest configurations do."""
    return _lists(_READERS, module, name)


def judge_module(entry: LoaderKey, name: str) -> Named | None:
    """Judge a module that *entry*'s loader imports: of Python's own a few act, one that nobody vouched for may."""
    top = name.partition(".")[0]
    if _MODULE.fullmatch(name) is None or top in entry.own:
        return None
    if judge(name, "*").rule == "import-side-effect":
        return _verdict(entry, name, Level.MALICIOUS, "importing it acts")
    if top in STDLIB:
        return _verdict(entry, name, Level.UNSAFE if entry.only_loaders else Level.UNVERIFIED, "it is no model's")
    return None if top in _DETOURS else _verdict(entry, name, Level.UNVERIFIED, "nobody vouched for it")


def judge_kernel(entry: LoaderKey, value: str) -> Named | None:
    """Judge the name of an implementation: ``owner/name`` is downloaded, and its library loaded."""
    if "/" not in value or value.startswith(_OFFICIAL_KERNELS):
        return None
    summary = f"{entry.key} names the repository {value[:80]}, whose compiled code {entry.loader}."
    return Named(FOREIGN_CODE, Level.UNSAFE, summary)


def judge_repository(entry: LoaderKey, value: str) -> Named | None:
    """Judge a class of a repository's Python code."""
    if "--" in value or "/" in value or "\\" in value:
        summary = f"{entry.key} names code of another repository or directory, {value[:80]}."
        return Named(FOREIGN_CODE, Level.UNSAFE, summary)
    if not value:
        return None
    return Named(REMOTE, Level.UNVERIFIED, f"{entry.key} names Python code of its own repository, {value[:80]}.")


def judge_file(entry: LoaderKey, value: str) -> Named | None:
    """Judge the name of a file that is to lie beside this one."""
    if _LEADS_OUT.fullmatch(value) is None:
        return None
    summary = f"{entry.key} names {value[:80]}, a file outside of the model's directory, which {entry.loader}."
    return Named(FOREIGN_CODE, Level.UNSAFE, summary)


def judge_library(entry: LoaderKey, value: str) -> Named | None:
    """Judge a class that is to be one of the loader's own packages."""
    if _NAME.fullmatch(value) is None and "/" not in value:
        return None  # no name that can be imported
    if value.partition(".")[0] in entry.own and _NAME.fullmatch(value) is not None:
        return None
    summary = f"{entry.key} names {value[:80]}, outside of its loader's libraries, which {entry.loader}."
    return Named(FOREIGN_CODE, Level.UNSAFE, summary)


def judge_component(entry: LoaderKey, key: str, package: str, name: str) -> Named | None:
    """Judge one component of a pipeline: a package, or a module of diffusers' pipelines, and a class of it."""
    if key == "_class_name" and _MODULE.fullmatch(package) is not None:
        return Named(REMOTE, Level.UNVERIFIED, f"The pipeline is {name[:80]}, Python code of its own repository.")
    known = package.partition(".")[0] in entry.own or package in DIFFUSERS_PIPELINES
    if known and _MODULE.fullmatch(package) is not None:
        return None
    summary = f"{key[:80]} names {package[:80]}, outside of its loader's libraries, which {entry.loader}."
    return Named(FOREIGN_CODE, Level.UNSAFE, summary)


_TEXTS = {
    Names.LIBRARY: judge_library,
    Names.KERNEL: judge_kernel,
    Names.REPOSITORY: judge_repository,
    Names.FILES: judge_file,
}


def judge_text(entry: LoaderKey, value: str) -> Named | None:
    """Judge a *value* that is one text, for keys that name a repository or a file."""
    judged = _TEXTS.get(entry.names)
    return judged(entry, value) if judged is not None else None


def _verdict(entry: LoaderKey, name: str, level: Level, why: str) -> Named:
    return Named(TARGET, level, f"{entry.key} names {name[:120]}, which {entry.loader}; {why}.")


def _worst(verdicts: Iterable[Named | None]) -> Named | None:
    found = [one for one in verdicts if one is not None]
    return max(found, key=lambda one: one.level.rank, default=None)


def _lists(table: dict[str, str], module: str, name: str) -> bool:
    listed = table.get(module)
    return listed is not None and (listed == "*" or name in listed.split())
