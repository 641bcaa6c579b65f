"""Measure the cost of a start: ``python tests/bench/start.py [--runs N] [OTHER/.venv/bin/python …]``.

Processor seconds of ``picklewatch scan`` of one small pickle, and of ``picklewatch --help``. Each other version, named
by its environment's interpreter, is measured in turn with this one, so that what else the machine does hits all alike:
compare the rows of one run, not those of two. The figures in docs/performance.md come from here.
"""

from __future__ import annotations

import argparse
import pickle
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.measure import run


def main() -> None:
    """Measure and print one row per version and command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("others", nargs="*", help="interpreters of other versions")
    parser.add_argument("--runs", type=int, default=12)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        path = Path(home, "m.pkl")
        path.write_bytes(pickle.dumps({"weight": [1.0] * 100}))
        commands = {"scan of one pickle": ["scan", str(path)], "--help": ["--help"]}
        seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        for number in range(arguments.runs + 1):
            for python in (sys.executable, *arguments.others):
                for name, command in commands.items():
                    cost = run([python, "-m", "picklewatch", *command], env={"HOME": home}, cwd=Path(home))
                    assert cost.status == 0, cost.stderr.decode()
                    if number:  # the first compiles
                        seconds[python, name].append(cost.cpu)
    print("| version | command | CPU s, median | minimum |\n|---|---|---|---|")
    for (python, name), costs in seconds.items():
        print(f"| {python} | {name} | {median(costs):.2f} | {min(costs):.2f} |")


if __name__ == "__main__":
    main()
