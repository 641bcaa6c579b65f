"""The first steps of ``picklewatch`` and of ``python -m picklewatch``.

Root takes code from the installation only: a ``click.py`` in ``PYTHONPATH``, in the working directory or in
``~/.local`` would run as root. So a root process starts itself anew with ``python -I`` before it imports anything
else. Until then nothing may be imported but ``os`` and ``sys``, which every interpreter has loaded already. That
excludes ``__future__``: it is a file of the library, for which Python looks in ``PYTHONPATH`` first.
"""

import os
import sys

EX_CONFIG = 78
"""`picklewatch.core.errors.ExitStatus.CONFIG`, which can't be imported here."""

EX_SOFTWARE = 70
"""`picklewatch.core.errors.ExitStatus.INTERNAL`."""
EX_TEMPFAIL = 75
"""`picklewatch.core.errors.ExitStatus.UNAVAILABLE`."""
INTERRUPTED = 130
"""`picklewatch.cli.INTERRUPTED`."""

_NOT_FOUND_BY_ROOT = """\
picklewatch: error: {error}, where root looks for it
hint: root imports nothing from PYTHONPATH, the working directory or ~/.local. Install picklewatch and what it needs \
into a virtual environment, and start it from there: docs/install.md.
"""


_NOT_LOADED = """\
picklewatch: error: it can't be loaded: {kind}: {error}
hint: If it is being upgraded, try again. Else install picklewatch and what it needs again: docs/install.md.
"""


def main() -> None:
    """Run the command line; a root process without ``-I`` becomes one that has it."""
    if os.geteuid() == 0 and not sys.flags.isolated:
        os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__), *sys.argv[1:]])  # noqa: PTH100, S606
    try:
        from picklewatch.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - Python's own ending is a traceback, and the status of "unsafe"
        sys.exit(_not_loaded(error))


def _not_loaded(error: Exception) -> int:
    """Say that picklewatch can't be imported; return the exit status."""
    is_ours = (getattr(error, "name", None) or "").startswith("picklewatch.")
    is_missing = isinstance(error, ModuleNotFoundError) and not is_ours
    if sys.stderr is not None:
        text = _NOT_FOUND_BY_ROOT if is_missing and os.geteuid() == 0 else _NOT_LOADED
        try:
            sys.stderr.write(text.format(kind=type(error).__name__, error=error))
            sys.stderr.flush()
        except OSError:
            pass
    if is_missing:
        return EX_CONFIG
    return EX_TEMPFAIL if isinstance(error, (OSError, MemoryError)) else EX_SOFTWARE


if __name__ == "__main__":
    main()
