"""Where tools keep downloaded models, found as the tools themselves find it (docs/caches.md lists the sources).

Nothing here looks into a directory; a cache that does not exist yet is returned too, for the watcher to wait for.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from picklewatch.access.people import FIRST_HUMAN_UID, people

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One tool's way of choosing a directory."""

    tool: str
    """The tool, as people call it."""
    variables: tuple[str, ...] = ()
    """Environment variables that name it, the most important first; ``NAME/sub`` for a directory below one."""
    default: str
    """The directory otherwise, below the user's ``{home}``, ``{cache}``, ``{data}``, ``{config}``, or ``{hf}``'s."""


PLACES: tuple[Place, ...] = (
    Place(tool="Hugging Face", variables=("HF_HOME",), default="{cache}/huggingface"),
    Place(tool="Hugging Face hub", variables=("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"), default="{hf}/hub"),
    Place(tool="Hugging Face assets", variables=("HF_ASSETS_CACHE", "HUGGINGFACE_ASSETS_CACHE"), default="{hf}/assets"),
    Place(tool="Hugging Face Xet", variables=("HF_XET_CACHE",), default="{hf}/xet"),
    Place(tool="Hugging Face modules", variables=("HF_MODULES_CACHE",), default="{hf}/modules"),
    Place(tool="Hugging Face datasets", variables=("HF_DATASETS_CACHE",), default="{hf}/datasets"),
    Place(
        tool="transformers",
        variables=("TRANSFORMERS_CACHE", "PYTORCH_TRANSFORMERS_CACHE", "PYTORCH_PRETRAINED_BERT_CACHE"),
        default="{hf}/transformers",
    ),
    Place(tool="diffusers", variables=("DIFFUSERS_CACHE",), default="{hf}/diffusers"),
    Place(
        tool="sentence-transformers",
        variables=("SENTENCE_TRANSFORMERS_HOME",),
        default="{cache}/torch/sentence_transformers",
    ),
    Place(tool="PyTorch", variables=("TORCH_HOME",), default="{cache}/torch"),
    Place(tool="PyTorch before 1.3, iopath, fvcore", variables=("FVCORE_CACHE",), default="{home}/.torch"),
    Place(tool="ModelScope", variables=("MODELSCOPE_CACHE", "MS_CACHE_HOME"), default="{cache}/modelscope"),
    Place(tool="Keras", variables=("KERAS_HOME",), default="{home}/.keras"),
    Place(tool="TensorFlow Hub", variables=("TFHUB_CACHE_DIR",), default="/tmp/tfhub_modules"),  # noqa: S108 - its own
    Place(tool="Kaggle Hub", variables=("KAGGLEHUB_CACHE",), default="{home}/.cache/kagglehub"),
    Place(tool="Ultralytics", variables=("YOLO_CONFIG_DIR",), default="{config}/Ultralytics"),
    Place(tool="fastai", variables=("FASTAI_HOME",), default="{home}/.fastai"),
    Place(tool="Whisper", default="{cache}/whisper"),
    Place(tool="CLIP", default="{home}/.cache/clip"),
    Place(tool="OpenMMLab", variables=("MMENGINE_HOME",), default="{cache}/mmengine"),
    Place(tool="OpenMIM", default="{cache}/mim"),
    Place(tool="PaddlePaddle", default="{home}/.cache/paddle"),
    Place(tool="PaddleHub", variables=("HUB_HOME",), default="{home}/.paddlehub"),
    Place(tool="PaddleOCR", default="{home}/.paddleocr"),
    Place(tool="PaddleX", variables=("PADDLE_PDX_CACHE_HOME",), default="{home}/.paddlex"),
    Place(tool="EasyOCR", variables=("EASYOCR_MODULE_PATH", "MODULE_PATH"), default="{home}/.EasyOCR"),
    Place(tool="InsightFace", default="{home}/.insightface"),
    Place(tool="DeepFace", variables=("DEEPFACE_HOME/.deepface",), default="{home}/.deepface"),
    Place(tool="Coqui TTS", variables=("TTS_HOME/tts",), default="{data}/tts"),
    Place(tool="Bark", default="{cache}/suno"),
    Place(tool="NLTK", variables=("NLTK_DATA",), default="{home}/nltk_data"),
    Place(tool="Flair", variables=("FLAIR_CACHE_ROOT",), default="{home}/.flair"),
    Place(tool="Stanza", variables=("STANZA_RESOURCES_DIR",), default="{home}/stanza_resources"),
    Place(tool="gensim", variables=("GENSIM_DATA_DIR",), default="{home}/gensim-data"),
    Place(tool="scikit-learn", variables=("SCIKIT_LEARN_DATA",), default="{home}/scikit_learn_data"),
    Place(tool="Weights & Biases", variables=("WANDB_CACHE_DIR",), default="{cache}/wandb"),
    Place(tool="Ollama", variables=("OLLAMA_MODELS",), default="{home}/.ollama/models"),
    Place(tool="llama.cpp", variables=("LLAMA_CACHE",), default="{cache}/llama.cpp"),
    Place(tool="LM Studio", default="{home}/.lmstudio/models"),
    Place(tool="LM Studio before 0.3.6", default="{home}/.cache/lm-studio/models"),
    Place(tool="GPT4All", default="{data}/nomic.ai/GPT4All"),
)
"""Every place known, Hugging Face and torch first."""

SYSTEM_PLACES: tuple[Place, ...] = (Place(tool="Ollama (service)", default="/usr/share/ollama/.ollama/models"),)
"""Caches that belong to a machine, not to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """One directory where a tool keeps models."""

    tool: str
    path: Path
    """Absolute; it need not exist."""
    source: str
    """What says so: an environment variable's name, or ``default``."""
    user: str
    """Whose it is."""
    uid: int | None = None
    """The number of that user, if it lies in their home: nobody else is to say where it leads."""

    @property
    def exists(self) -> bool:
        """Whether it is a directory now; False also where that may not be seen."""
        try:
            return self.path.is_dir()
        except OSError:
            return False


def discover(*, users: str = "auto", environ: Mapping[str, str] = os.environ) -> tuple[Cache, ...]:
    """Find the caches that a daemon should watch; *users* is the configuration's ``watch.users``.

    This user's come first, as the environment says; other users' by their tools' defaults, for nobody can know
    what their shells would set. A cache in another one is left out, for watching is recursive.
    """
    found = list(own_caches(environ))
    if watches_everyone(users):
        for user in people():
            found += user_caches(user)
        found += _resolve(SYSTEM_PLACES, {}, Path("/"), "system")
    roots = outermost(cache.path for cache in found)
    return tuple(cache for cache in _distinct(found) if cache.path in roots)


def watches_everyone(users: str) -> bool:
    """Say whether ``watch.users`` *users* means all users' caches for this process."""
    return users == "all" or (users == "auto" and os.geteuid() < FIRST_HUMAN_UID)


def own_caches(environ: Mapping[str, str] = os.environ) -> tuple[Cache, ...]:
    """Find the caches of the user who runs this process, as the environment *environ* says."""
    entry = _entry(os.geteuid())
    home = environ.get("HOME") or (entry.pw_dir if entry else "/")
    return _distinct(_resolve(PLACES, environ, Path(home), entry.pw_name if entry else str(os.geteuid())))


def user_caches(user: pwd.struct_passwd) -> tuple[Cache, ...]:
    """Find the caches of *user* by their tools' defaults."""
    home = Path(user.pw_dir)
    found = _distinct(_resolve(PLACES, {}, home, user.pw_name))
    return tuple(replace(cache, uid=user.pw_uid) if cache.path.is_relative_to(home) else cache for cache in found)


def outermost(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Drop from *paths* those that lie in another, for watching the other covers them."""
    kept: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(above) for above in kept):
            kept.append(path)
    return tuple(kept)


def _resolve(places: Iterable[Place], environ: Mapping[str, str], home: Path, user: str) -> list[Cache]:
    bases = {
        "home": str(home),
        "cache": _base(environ, "XDG_CACHE_HOME", home / ".cache"),
        "data": _base(environ, "XDG_DATA_HOME", home / ".local/share"),
        "config": _base(environ, "XDG_CONFIG_HOME", home / ".config"),
    }
    bases["hf"] = _expand(environ.get("HF_HOME") or f"{bases['cache']}/huggingface", environ, home)
    found = []
    for place in places:
        text, source = _chosen(place, environ, bases)
        path = Path(_expand(text, environ, home))
        if path.is_absolute():  # a relative one depends on where the tool is started
            found.append(Cache(tool=place.tool, path=path, source=source, user=user))
    return found


def _chosen(place: Place, environ: Mapping[str, str], bases: dict[str, str]) -> tuple[str, str]:
    for variable in place.variables:
        name, _, below = variable.partition("/")
        if value := environ.get(name):
            return (f"{value}/{below}" if below else value.split(os.pathsep)[0]), name
    return place.default.format(**bases), "default"


def _base(environ: Mapping[str, str], variable: str, default: Path) -> str:
    return _expand(environ.get(variable) or str(default), environ, default)


def _expand(text: str, environ: Mapping[str, str], home: Path) -> str:
    """Expand ``~`` and ``$NAME`` as the tools do, but for the user and environment in question."""
    if text == "~" or text.startswith("~/"):
        text = f"{home}{text[1:]}"
    for name in sorted(
        (name for name in environ if f"${name}" in text or f"${{{name}}}" in text), key=len, reverse=True
    ):
        text = text.replace(f"${{{name}}}", environ[name]).replace(f"${name}", environ[name])
    return os.path.normpath(text)


def _distinct(caches: Iterable[Cache]) -> tuple[Cache, ...]:
    by_path: dict[Path, Cache] = {}
    for cache in caches:
        by_path.setdefault(cache.path, cache)
    return tuple(by_path.values())


def _entry(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None
