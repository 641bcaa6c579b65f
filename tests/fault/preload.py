"""Shared libraries that stand between the daemon and the C library: compiled when they are first needed."""

from __future__ import annotations

import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from fault.lab import SkippedError

_SOURCES = Path(__file__).parent / "native"


@functools.cache
def library(name: str) -> Path:
    """The compiled ``native/<name>.c``, for ``LD_PRELOAD``. Raises `SkippedError` without a C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise SkippedError("needs a C compiler")
    built = Path(_folder().name) / f"{name}.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(built)]
    done = subprocess.run([*command, str(_SOURCES / f"{name}.c"), "-ldl"], check=False, capture_output=True, text=True)
    if done.returncode:
        raise SkippedError(f"the C compiler fails: {done.stderr.splitlines()[0] if done.stderr else done.returncode}")
    return built


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="picklewatch-preload-", ignore_cleanup_errors=True)
