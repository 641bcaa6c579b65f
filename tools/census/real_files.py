"""Write the files that real libraries write: ``python tools/census/real_files.py OUT [LIBRARY …]``.

To be run by the interpreter of the census' environment. What is made stands in ``real_files.txt`` beside this file:
a section a library; lines with ``!`` set up; each other line is a file's name and the statements that make its
object, the last of which is the object. The ending of the name is the writer. A library that isn't installed, and an
object that its version can't make, is said and passed over; each library works in a process of its own.
"""

from __future__ import annotations

import ast
import gzip
import importlib
import io
import os
import pickle
import re
import sys
import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).with_name("real_files.txt")
_MODULE = re.compile(r"(?<![\w.)])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def sections(text: str) -> dict[str, tuple[list[str], list[tuple[str, str]]]]:
    """Return what *text* says of each library: statements that set up, and (name of the file, statements) pairs."""
    found: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    setup: list[str] = []
    files: list[tuple[str, str]] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("["):
            setup, files = [], []
            found[line.strip("[] ")] = (setup, files)
        elif line.startswith("!"):
            setup.append(line[1:].strip())
        else:
            name, _, statements = line.partition(" ")
            files.append((name, statements.strip()))
    return found


def import_named(statements: str, namespace: dict[str, Any]) -> None:
    """Import each module that *statements* name with dots, as far as there is one, and put its root in *namespace*."""
    for dotted in _MODULE.findall(statements):
        parts = dotted.split(".")
        if parts[0] in namespace and not hasattr(namespace[parts[0]], "__path__"):
            continue
        for length in range(1, len(parts) + 1):
            try:
                importlib.import_module(".".join(parts[:length]))
            except ImportError:
                break
            namespace.setdefault(parts[0], sys.modules[parts[0]])


def make(statements: str, namespace: dict[str, Any]) -> Any:
    """Return the value of the last of *statements*, run in *namespace*."""
    import_named(statements, namespace)
    tree = ast.parse(statements)
    last = tree.body.pop()
    exec(compile(tree, "<real_files>", "exec"), namespace)  # noqa: S102 - the text of this repository
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "<real_files>", "exec"), namespace)  # noqa: S102
        return None
    return eval(compile(ast.Expression(last.value), "<real_files>", "eval"), namespace)  # noqa: S307


def write(path: Path, value: Any) -> None:
    """Write *value* as the ending of *path* says."""
    name = path.name
    if name.endswith((".pt", ".pth", ".ckpt", ".bin")):
        import torch

        torch.save(value, path, _use_new_zipfile_serialization=".legacy." not in name)
    elif ".joblib" in name:
        import joblib

        joblib.dump(value, path, compress=3 if name.endswith((".gz", ".xz", ".bz2")) else 0)
    elif name.endswith(".npy"):
        import numpy as np

        np.save(path, value, allow_pickle=True)
    elif ".cloud." in name:
        path.write_bytes(importlib.import_module("cloudpickle").dumps(value))
    else:
        protocol = re.search(r"\.p(\d)\.", name)
        data = pickle.dumps(value, protocol=int(protocol[1]) if protocol else 4)
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)


def write_library(library: str, setup: list[str], files: list[tuple[str, str]], folder: Path) -> None:
    """Write the *files* of *library* into *folder*, and say which could not be made."""
    warnings.simplefilter("ignore")
    namespace: dict[str, Any] = {"io": io}
    try:
        importlib.import_module(library)
        for line in setup:
            make(line, namespace)
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        print(f"{library}: {type(error).__name__}: {error!s:.150}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, statements in files:
        try:
            write(folder / name, make(statements, namespace))
        except Exception as error:  # noqa: BLE001
            (folder / name).unlink(missing_ok=True)
            print(f"{library}/{name}: {type(error).__name__}: {error!s:.150}")


def version_of(library: str) -> str:
    """Return the version of the distribution that *library* comes from, or Python's own for its modules."""
    names = metadata.packages_distributions().get(library)
    return metadata.version(names[0]) if names else sys.version.split()[0]


def main(arguments: list[str]) -> int:
    """Write every file of the libraries asked for, a process a library."""
    if not arguments:
        sys.stderr.write("usage: python tools/census/real_files.py OUT [LIBRARY ...]\n")
        return 2
    found = sections(RECIPES.read_text(encoding="utf-8"))
    for library in arguments[1:] or list(found):
        child = os.fork()
        if not child:
            folder = Path(arguments[0]) / library
            write_library(library, *found[library], folder)
            if folder.is_dir():
                (folder / "VERSION").write_text(version_of(library) + "\n", encoding="utf-8")
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            print(f"{library}: ended with status {status}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
