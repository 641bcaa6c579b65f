"""Gather the lines of one library: import all of its modules, and look at every class that is its own.

Runs in a child process of its own in a throw-away environment: a library may hang, crash or end the interpreter
when its modules are imported. The name of the module being imported is in a file that the parent reads after a crash.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import pkgutil
import re
import signal
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from census.hooks import ONLY_RECORDED
from census.introspect import Census
from census.kept import keeps
from census.methods import fetched, kept_by

if TYPE_CHECKING:
    import types
    from collections.abc import Iterable, Iterator

_SKIPPED = re.compile(r"\.(tests?|testing|conftest|__main__|_?dataset_test|setup)(\.|\Z)")
"""Modules that no model names, and that run programs when they are imported."""
_SECONDS_PER_MODULE = 60
_SECONDS_FOR_THE_FIRST = 600
_NAME = re.compile(r"[^\W\d]\w*\Z")


def gather(library: str, progress: Path, skipped: frozenset[str]) -> Iterator[dict[str, Any]]:  # noqa: C901
    """Yield the lines of *library*, by the name of its top package."""
    _calm()
    homes = _tops(library)
    modules = list(_modules(library, progress, skipped))
    version = _version(library)
    census = Census()
    found: dict[int, tuple[type, list[str]]] = {}
    kept: dict[object, tuple[str, list[str]]] = {}
    for module in modules:
        for name, value in sorted(vars(module).items(), key=lambda item: str(item[0])):
            if not (isinstance(name, str) and _NAME.match(name)):
                continue
            if isinstance(value, type):
                _note(found, value, f"{module.__name__}.{name}", homes)
                _nested(found, value, module.__name__, name, homes)
            elif keeps(module.__name__, name) and callable(value):
                label = f"{getattr(value, '__module__', None) or module.__name__}.{getattr(value, '__name__', name)}"
                kept.setdefault(id(value), (label, []))[1].append(f"{module.__name__}.{name}")
    methods = fetched(_texts(modules))
    for cls, names in found.values():
        for name, label in kept_by(cls, methods):
            kept.setdefault(("method", label), (label, []))[1].append(f"{cls.__module__}:{cls.__qualname__}.{name}")
        try:
            seen = census.look(cls)
        except Exception as error:  # noqa: BLE001 - what can't be looked at is not known
            sys.stderr.write(f"{library}: {cls!r}: {error!r}\n")
            continue
        label = f"{cls.__module__}.{cls.__qualname__}"
        yield {"class": label, "library": library, "version": version, "names": sorted(set(names)), **seen}
    for function in census.functions.values():
        if function.hook not in ONLY_RECORDED:
            yield function.line(library, version)
    for label, names in kept.values():
        yield {"kept": label, "names": sorted(set(names)), "library": library, "version": version}


def _texts(modules: list[types.ModuleType]) -> Iterator[str]:
    """Yield the sources of *modules*, of those that have one."""
    for module in modules:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            yield Path(file).read_text(encoding="utf-8", errors="replace")


def _calm() -> None:
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(20000)
    signal.signal(signal.SIGALRM, _late)


def _late(_number: int, _frame: object) -> None:
    raise TimeoutError


def _note(found: dict[int, tuple[type, list[str]]], cls: type, name: str, homes: frozenset[str]) -> None:
    home = getattr(cls, "__module__", None)
    if isinstance(home, str) and home.partition(".")[0] in homes:
        found.setdefault(id(cls), (cls, []))[1].append(name)


def _nested(found: dict[int, tuple[type, list[str]]], cls: type, module: str, name: str, homes: frozenset[str]) -> None:
    """Note the classes that are defined in *cls*, as picklers of protocol 4 name them, two levels deep."""
    for inner, value in list(vars(cls).items()):
        own = isinstance(value, type) and getattr(value, "__qualname__", "") == f"{cls.__qualname__}.{inner}"
        if own and getattr(value, "__module__", None) == cls.__module__ and _NAME.match(inner):
            dotted = f"{name}.{inner}"
            _note(found, value, f"{module}:{dotted}", homes)
            if "." not in name:
                _nested(found, value, module, dotted, homes)


def _tops(library: str) -> frozenset[str]:
    """Return the top packages of *library*'s distributions: compiled parts may lie beside the package."""
    owners = importlib.metadata.packages_distributions()
    own = set(owners.get(library, ()))
    return frozenset({library, *(top for top, names in owners.items() if own & set(names))})


def _version(library: str) -> str:
    for name in importlib.metadata.packages_distributions().get(library, ()):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name).partition("+")[0]  # 2.13.0+cpu
    return str(getattr(sys.modules.get(library), "__version__", "unknown"))


def _modules(library: str, progress: Path, skipped: frozenset[str]) -> Iterator[types.ModuleType]:
    seen = set[str]()
    for name in _names(library, progress, skipped):
        module = _imported(name, progress)
        if module is not None and module.__name__ == name:
            seen.add(name)
            yield module
    for name, module in sorted(sys.modules.items()):  # in folders that are no packages, and compiled without a file
        own = name.startswith(library + ".") and getattr(module, "__name__", None) == name
        if own and name not in seen and not _SKIPPED.search(name):
            yield module


def _names(library: str, progress: Path, skipped: frozenset[str]) -> Iterable[str]:
    root = _imported(library, progress, _SECONDS_FOR_THE_FIRST)
    if root is None:
        raise ImportError(f"{library} can't be imported")
    yield library
    waiting = [(library, root)]
    while waiting:
        above, package = waiting.pop(0)
        for one in sorted(pkgutil.iter_modules(getattr(package, "__path__", [])), key=lambda info: info.name):
            name = f"{above}.{one.name}"
            if _SKIPPED.search(name) or name in skipped:
                continue
            yield name
            if one.ispkg and (inner := _imported(name, progress)) is not None:
                waiting.append((name, inner))


def _imported(name: str, progress: Path, seconds: int = _SECONDS_PER_MODULE) -> types.ModuleType | None:
    known = sys.modules.get(name)
    if known is not None:
        return known
    progress.write_text(name, encoding="utf-8")
    signal.alarm(seconds)
    try:
        return importlib.import_module(name)
    except BaseException:  # noqa: BLE001 - a module that ends the interpreter is not known, no more
        return None
    finally:
        signal.alarm(0)


def main(library: str, out: Path, skipped: frozenset[str]) -> None:
    """Write the lines of *library* to *out*, and end without the library's own clean-up."""
    lines = [json.dumps(line, sort_keys=True) for line in gather(library, out.with_suffix(".progress"), skipped)]
    if any(line.startswith('{"acts"') for line in lines):
        out.write_text("".join(line + "\n" for line in sorted(lines)), encoding="utf-8")
    os._exit(0)
