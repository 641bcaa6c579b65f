"""The names of the installed libraries that the engine vouches for, each found by judging a pickle of it."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import pkgutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from oracle.trees import call, emit, named, new, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from oracle.engine import Judge

LIBRARIES = (
    *("torch", "sklearn", "scipy", "pandas", "numpy", "omegaconf", "torchmetrics", "networkx", "joblib", "dateutil"),
    *("accelerate", "transformers", "datasets", "diffusers", "peft", "timm", "lightning", "xgboost", "lightgbm"),
    *("catboost", "statsmodels", "gensim", "nltk", "hydra", "optuna", "imblearn", "torch_geometric", "torchvision"),
    *("sentence_transformers", "sympy", "xarray", "hdbscan", "umap", "pyod", "stable_baselines3", "gymnasium"),
)
"""Libraries whose classes are tried, as far as they are installed."""
STANDARD = (
    *("builtins", "collections", "functools", "decimal", "fractions", "datetime", "pathlib", "uuid", "random", "types"),
    *("inspect", "enum", "itertools", "operator", "re", "threading", "queue", "ipaddress", "zoneinfo", "argparse"),
)
_TESTS = ("test", "tests", "testing", "conftest", "_testing", "testing_utils")


@dataclass(slots=True)
class Vouched:
    """Names by what a clean pickle may do with them."""

    made: list[str] = field(default_factory=list)
    """Classes of which an object may be made by NEWOBJ, without arguments or a state."""
    called: list[str] = field(default_factory=list)
    """What may be called with one literal."""
    kept: list[str] = field(default_factory=list)
    """Functions that an object may keep."""


LITERALS = ("/etc/hostname", "gpt2", 3)
"""A path, the name of a model on a hub, a descriptor or size."""


def vouched(candidates: Iterable[str], judge: Judge) -> Vouched:
    """Ask *judge* what it vouches for."""
    found = Vouched()
    for name in candidates:
        if judge.clean(emit(new(name))):
            found.made.append(name)
        if any(judge.clean(emit(call(name, literal))) for literal in LITERALS):
            found.called.append(name)
        value = _value(name)
        if callable(value) and not isinstance(value, type) and judge.clean(emit(tree([named(name)]))):
            found.kept.append(name)
    return found


def names(libraries: Iterable[str]) -> Iterator[str]:
    """Import *libraries* and yield the names of all their classes and functions, by the modules that define them."""
    tops = [library for library in libraries if import_quietly(library)]
    for top in tops:
        for module in sorted(_submodules(top)):
            import_quietly(module)
    yield from names_in(tops)


def names_in(tops: Iterable[str]) -> list[str]:
    """Return the classes and functions of all modules of *tops* that are imported."""
    wanted, found = set(tops), set()
    for module in list(sys.modules.values()):
        name = getattr(module, "__name__", None)
        if not isinstance(name, str) or name.partition(".")[0] not in wanted:
            continue
        for attribute, value in list(vars(module).items()):
            if _is_defined_as(value, name, attribute):
                found.add(f"{name}.{attribute}")
    return sorted(found)


def _is_defined_as(value: object, module: str, name: str) -> bool:
    """Return True for the class or function that *module* defines as *name*."""
    try:
        return getattr(value, "__module__", None) == module and getattr(value, "__qualname__", "") == name
    except Exception:  # noqa: BLE001 - an object of a library's may ask for a driver to answer
        return False


def from_census(paths: Iterable[Path]) -> Iterator[str]:
    """Yield the names in the census's JSON lines, their modules imported."""
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            name = entry.get("class") or entry.get("kept")
            if name and import_quietly(name.rpartition(".")[0]):
                yield name


def import_quietly(module: str) -> bool:
    """Import *module* and say if that went well; many want what is not installed."""
    try:
        importlib.import_module(module)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever a foreign module's top level raises
        return False
    return True


def settle() -> None:
    """Put all objects out of the collector's sight: in a child it would copy every page."""
    gc.collect()
    gc.freeze()


def _submodules(top: str) -> Iterator[str]:
    """Yield the modules directly below *top* that are no tests, without importing anything."""
    path = getattr(sys.modules[top], "__path__", None)
    for info in pkgutil.iter_modules(path) if path else ():
        if info.name not in _TESTS and not info.name.startswith("test_") and info.name != "__main__":
            yield f"{top}.{info.name}"


def _value(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(sys.modules.get(module), attribute, None)
