"""Fuzz every parser: ``python tests/fuzz/run.py [--seconds N | --executions N] [--target WORD]… …``.

Prints a table. Seconds and executions are a target's; a number of executions with a seed tries the same inputs
each time on a machine, as long as the code is the same. Findings are made small and written to ``tests/fuzz/found``,
where an ordinary test replays them. The corpus is kept in DIR if one is given, else thrown away. Exit status 1 if
anything was found.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.found import FOUND, save, signature, smallest, tried
from fuzz.targets import TARGETS
from fuzz.worker import HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fuzz.target import Target

STUCK = 60.0
"""Processor seconds of one input after which its process is ended: what no deadline inside could interrupt."""
_SILENT = 600.0
"""Seconds after which it is ended although it does nothing, or has not begun."""
FOR_EVER = 1 << 31
"""Executions that no run reaches."""
_SECONDS = 600.0
"""Seconds after which a target is left that has not made its executions."""
_ADDR_NO_RANDOMIZE = 0x0040000
_SHOWN = 4_000
"""Characters of a finding that are printed: where a machine is thrown away afterwards, nothing else is left of it."""
_ROW = "{:<13} {:>10} {:>8} {:>8} {:>9} {:>7} {:>9}"
_STATE = re.compile(r"#\d+\s+(?:DONE|INITED|NEW|REDUCE|pulse)\s+cov: (\d+) ft: (\d+) corp: (\d+)/")


@dataclass(slots=True)
class Outcome:
    """The result of one target's run."""

    target: Target
    executions: int = 0
    seconds: float = 0.0
    """They took."""
    coverage: int = 0
    features: int = 0
    corpus: int = 0
    found: list[tuple[str, str, bytes]] = field(default_factory=list)
    """What, in which words, and the input."""
    failure: str = ""
    """Why the worker did not run, if it did not."""


def fuzz(target: Target, seconds: float, executions: int, home: Path, seed: int) -> Outcome:
    """Run a worker, and another when one dies of an input, until the time or the number of executions is over."""
    outcome = Outcome(target)
    begun = time.monotonic()
    for old in (home / "found").iterdir():  # of an earlier run on this corpus
        old.unlink()
    while (left := seconds - (time.monotonic() - begun)) > 0 and outcome.executions < executions:
        died = _work(outcome, left, executions - outcome.executions, home, seed)
        if not died or outcome.failure:
            break
        seed += 1
    outcome.seconds = time.monotonic() - begun
    for file in sorted((home / "found").glob("[!.]*")):
        detail = file.with_name(f".{file.name}").read_text()
        outcome.found.append((file.name, detail, file.read_bytes()))
    return outcome


def _work(outcome: Outcome, seconds: float, executions: int, home: Path, seed: int) -> bool:
    """One worker; whether it died of an input, which is then among the findings."""
    (home / "now").write_bytes(b"")
    command = [
        sys.executable,
        str(Path(__file__).with_name("worker.py")),
        outcome.target.name,
        f"{seconds:.0f}",
        str(executions),
        str(home),
        str(seed),
    ]
    with (home / "log").open("wb") as log:
        environment = {**os.environ, "PYTHONHASHSEED": "0"}
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        stuck = _watch(process, home / "now")
    count, _, _, data = _now(home / "now")
    outcome.executions += count
    for numbers in _STATE.finditer((home / "log").read_text(errors="replace")):
        outcome.coverage, outcome.features, outcome.corpus = map(int, numbers.groups())
    if process.returncode == 0:
        return False
    if not count:
        outcome.failure = (home / "log").read_text(errors="replace")[-2_000:]
        return True
    what = "stuck" if stuck else f"died-{-process.returncode}"
    (home / "found" / what).write_bytes(data)
    (home / "found" / f".{what}").write_text((home / "log").read_text(errors="replace")[-500:])
    return True


def _watch(process: subprocess.Popen[bytes], now: Path) -> bool:
    """Wait for *process*; end it if one input takes for ever. Whether it did."""
    begun = time.time()
    while True:
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            count, used, since, _ = _now(now)
            if (count and _processor_seconds(process.pid) - used > STUCK) or time.time() - max(since, begun) > _SILENT:
                process.kill()
                process.wait()
                return True
        else:
            return False


def _processor_seconds(pid: int) -> float:
    """Return the processor time of the process (proc(5): the 14th and 15th field of ``stat``)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _now(file: Path) -> tuple[int, float, float, bytes]:
    """Return the number of inputs, the time used when the last one began, and the last one."""
    content = file.read_bytes()
    if len(content) < HEADER.size:
        return 0, 0.0, 0.0, b""
    count, used, since, length = HEADER.unpack_from(content)
    return count, used, since, content[HEADER.size : HEADER.size + length]


def keep(outcome: Outcome) -> Iterator[str]:
    """Write down what was found, small; the files' names."""
    for what, detail, data in outcome.found:
        small = data
        if not what.startswith(("stuck", "died", "HangError", "MemoryError")):
            small = smallest(data, partial(_same, outcome.target, what))
        error = None if small is data else tried(outcome.target, small)
        yield str(save(outcome.target, small, what, detail if error is None else repr(error)).relative_to(FOUND))


def _same(target: Target, what: str, data: bytes) -> bool:
    error = tried(target, data)
    return error is not None and signature(error).replace("/", "-") == what


def row(outcome: Outcome) -> str:
    """One line of the table."""
    each = outcome.executions / outcome.seconds if outcome.seconds else 0.0
    numbers = (
        outcome.executions,
        f"{each:.0f}",
        outcome.coverage or "-",
        outcome.features or "-",
        outcome.corpus or "-",
    )
    return _ROW.format(outcome.target.name, *numbers, len(outcome.found))


def _repeatably() -> None:
    """Have workers laid out in memory alike: atheris tells comparisons apart by their addresses (personality(2))."""
    ctypes.CDLL(None).personality(_ADDR_NO_RANDOMIZE)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, help="for each target; 60 unless --executions are given")
    parser.add_argument("--executions", type=int, default=FOR_EVER, help="for each target")
    parser.add_argument("--target", action="append", default=[], help="only targets with this word in their name")
    parser.add_argument("--jobs", type=int, default=2, help="targets at the same time")
    parser.add_argument("--corpus", type=Path, help="keep what was reached here, and go on from it")
    parser.add_argument("--seed", type=int, default=int(time.time()) & 0xFFFF, help="of the random numbers")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """Fuzz; the exit status."""
    options = _options(arguments)
    seconds = options.seconds or (60.0 if options.executions == FOR_EVER else _SECONDS)
    chosen = [
        target for name, target in TARGETS.items() if not options.target or any(w in name for w in options.target)
    ]
    if not chosen:
        print(f"no target has a name with {' or '.join(map(repr, options.target))}", file=sys.stderr)
        return 2
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed (pip install '.[fuzz]'; Linux only): no coverage guides the changes.")
    print(
        f"seed {options.seed}\n"
        + _ROW.format("target", "executions", "a second", "coverage", "features", "corpus", "findings")
    )
    failed = False
    _repeatably()
    with tempfile.TemporaryDirectory(prefix="picklewatch-fuzz-") as temporary, ThreadPoolExecutor(options.jobs) as pool:
        homes = {target.name: (options.corpus or Path(temporary)) / target.name for target in chosen}
        for home in homes.values():
            (home / "found").mkdir(parents=True, exist_ok=True)
        runs = [
            pool.submit(fuzz, target, seconds, options.executions, homes[target.name], options.seed)
            for target in chosen
        ]
        for run in runs:
            outcome = run.result()
            print(row(outcome), flush=True)
            for name in keep(outcome):
                print(f"  found/{name}\n{textwrap.indent((FOUND / name).read_text()[:_SHOWN], '    ')}", flush=True)
            if outcome.failure:
                print(f"  did not run: {outcome.failure}")
            failed = failed or bool(outcome.found or outcome.failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
