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

_NOT_FOUND = """\
picklewatch: error: {error}, where root looks for it
hint: root imports nothing from PYTHONPATH, the working directory or ~/.local. Install picklewatch and what it needs \
into a virtual environment, and start it from there: docs/install.md.
"""


def main() -> None:
    """Run the command line; a root process without ``-I`` becomes one that has it."""
    if os.geteuid() == 0 and not sys.flags.isolated:
        os.execv(sys.executable, [sys.executable, "-I", os.path.abspath(__file__), *sys.argv[1:]])  # noqa: PTH100, S606
    try:
        from picklewatch.cli import main as run

        run()
    except ModuleNotFoundError as error:
        if not sys.flags.isolated or (error.name or "").startswith("picklewatch."):
            raise
        sys.stderr.write(_NOT_FOUND.format(error=error))
        sys.exit(EX_CONFIG)


if __name__ == "__main__":
    main()
