"""What loaders do because a configuration trusts, runs or installs something: scripts, modules, packages."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from picklewatch.analysis.configuration import beside
from picklewatch.analysis.dataset_script import judge_dataset_script
from picklewatch.analysis.python_source import PER_CHARACTER, Effect
from picklewatch.catalogue.loaders.loader_names import Named
from picklewatch.catalogue.loaders.loader_scripts import (
    SCRIPT,
    is_nothing,
    judge_loader,
    judge_requirement,
    judge_source,
    judge_trust,
)
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.analysis.configuration import Configuration
    from picklewatch.catalogue.loaders.loader_entry import LoaderKey


def script(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    """Judge a data set's script: an address of an archive is none."""
    for text in held.texts(entry.key) if beside(entry, held) else ():
        if _ADDRESS.fullmatch(text) is not None or is_nothing(text):
            continue
        held.cost(PER_CHARACTER * len(text))
        script = textwrap.dedent(text)
        code = judge_dataset_script(script)
        if script.lstrip().startswith("bash "):  # a block begins behind its indentation
            code = Effect(Level.UNSAFE, "it is a shell command")
        if code.why:
            yield Named(SCRIPT, code.level, f"{entry.key} holds a script, which {entry.loader}; {code.why}."), text


def trusts(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    """Judge a switch that lets the loader import code."""
    of_model = held.has("architectures") or held.has("transformers_version")
    kinds = held.texts("model_type")
    for text in held.texts(entry.key):
        yield judge_trust(entry, text, kinds, of_model=of_model), text


def requirements(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    """Judge the packages of a model's environment."""
    if not beside(entry, held):
        return
    texts = [*held.texts(entry.key), *held.texts("dependencies")]
    of_model = entry.key == "build_dependencies" or any(map(_MLFLOW.match, [*texts, *held.texts("name")]))
    for text in texts:
        yield judge_requirement(entry, text, of_model=of_model), text


def loader(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    """Judge the module that loads a model."""
    for text in held.texts(entry.key):
        yield judge_loader(entry, text), text


def source(entry: LoaderKey, held: Configuration) -> Iterator[tuple[Named | None, str]]:
    """Judge the file of Python that is a model."""
    for text in held.texts(entry.key):
        yield judge_source(entry, text), text


_ADDRESS = re.compile(r"https?://[^\s()]++", re.IGNORECASE)
_MLFLOW = re.compile(r"mlflow(?:-env\Z|-skinny\b|\s*+(?:[=<>!~\[;]|\Z))")
