"""The judgement of what a configuration trusts, runs or installs: booleans, modules, files, packages. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from picklewatch.catalogue.imports.classify import judge
from picklewatch.catalogue.loaders.loader_names import FOREIGN_CODE, REMOTE, Named
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from picklewatch.catalogue.loaders.loader_entry import LoaderKey

SCRIPT, REQUIREMENTS = "config-script", "requirements-from-elsewhere"
"""The rules."""
_NOTHING = frozenset({"", "~", "null", "none", "false", "no", "off", "n", "0", "0.0"})
"""Values that YAML, JSON or Python take for none, in small letters."""
_MODEL = re.compile(r"[a-z][a-z0-9_.-]*+")
"""A ``model_type`` of transformers; that of a training's settings is a class."""
_HARMLESS = re.compile(
    r"--?(?:\Z|hash\b|no-binary\b|only-binary\b|prefer-binary\b|pre\b|require-hashes\b|use-feature\b|config-settings?\b)"
    r"|--(?:extra-)?index-url[= \t]++https://(?:download\.pytorch\.org/whl|pypi\.org/simple)(?:/\S*+)?\Z"
)
_BESIDE = "-r requirements.txt"
"""What MLflow's own ``python_env.yaml`` has: a file beside it."""
_ELSEWHERE = re.compile(
    r"(?:git|hg|svn|bzr)\+|https?:|file:|[./~]|[^@]*@\s*+(?:(?:git|hg|svn|bzr)\+|https?:|file:|[./])"
    r"|[\w.+-]*/|\S+\.(?:whl|zip|tar(?:\.\w+)?|tgz|tbz|txz)(?=[\s;]|\Z)",
    re.IGNORECASE,
)


def is_elsewhere(requirement: str) -> bool:
    """Return True if pip would go to another place: by an option, which may be abbreviated, an address or a path.

    Mirrors pip/_internal/req/req_file.py. PyTorch's own index is a usual one.
    """
    if requirement.startswith("-"):
        return _HARMLESS.match(requirement) is None
    return _ELSEWHERE.match(requirement) is not None


def is_nothing(value: str) -> bool:
    """Return True for what a loader takes for no value."""
    return value.strip().lower() in _NOTHING


def judge_trust(entry: LoaderKey, value: str, model_types: Sequence[str], *, of_model: bool) -> Named | None:
    """Judge a switch that lets a loader import a repository's code; only the user may set it (CVE-2026-5241)."""
    if is_nothing(value):
        return None
    of_model = of_model or any(_MODEL.fullmatch(one) is not None for one in model_types)
    if of_model:
        return Named(FOREIGN_CODE, Level.UNSAFE, f"{entry.key} is set by the model itself, which {entry.loader}.")
    return Named(REMOTE, Level.UNVERIFIED, f"{entry.key} is set, which {entry.loader}.")


def judge_loader(entry: LoaderKey, module: str) -> Named | None:
    """Judge a module that is imported to load the model: outside of the loader's own it is the model's code."""
    if is_nothing(module) or module.partition(".")[0] in entry.own:
        return None
    level = Level.MALICIOUS if judge(module, "*").rule == "import-side-effect" else Level.UNSAFE
    return Named(SCRIPT, level, f"{entry.key} names {module[:80]}, which {entry.loader}.")


def judge_source(entry: LoaderKey, path: str) -> Named | None:
    """Judge a file of Python that is executed to load the model."""
    if is_nothing(path):
        return None
    return Named(SCRIPT, Level.UNSAFE, f"{entry.key} names the file {path[:80]}, which {entry.loader}.")


def judge_parent(entry: LoaderKey, module: str) -> Named | None:
    """Judge a library that a class is fetched from: peft 0.21 imports four, and refuses any other (peft/auto.py)."""
    if is_nothing(module) or any(module == own or module.startswith(own + ".") for own in entry.own):
        return None
    summary = f"{entry.key} names {module[:80]}, outside of its loader's libraries, which {entry.loader}."
    return Named(FOREIGN_CODE, Level.UNSAFE, summary)


def judge_requirement(entry: LoaderKey, requirement: str, *, of_model: bool) -> Named | None:
    """Judge a package that is installed for the model."""
    requirement = requirement.partition(" #")[0].strip()
    if requirement == _BESIDE or not is_elsewhere(requirement):
        return None
    level = Level.UNSAFE if of_model else Level.UNVERIFIED
    return Named(REQUIREMENTS, level, f"{entry.key} names {requirement[:80]}, which {entry.loader}.")
