"""``python tests/oracle`` and ``python -m tests.oracle``: see README.md."""

import sys
from pathlib import Path

sys.path[0:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]

from oracle.command import main  # noqa: E402 - the path comes first

if __name__ == "__main__":
    sys.exit(main())
