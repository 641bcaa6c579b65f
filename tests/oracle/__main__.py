"""``python tests/oracle`` and ``python -m tests.oracle``: see README.md."""

import os
import sys
from pathlib import Path

sys.path[0:1] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "src")]

from oracle.command import main  # noqa: E402 - the path comes first

if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # some libraries take longer to end than to be loaded
