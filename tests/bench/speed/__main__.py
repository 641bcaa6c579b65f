"""``python tests/bench/speed``: processor time, wall clock and peak memory of whole commands, medians of runs."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parents[2])

from bench import measure, peers  # noqa: E402 - the path above
from bench.detection import tally  # noqa: E402
from bench.speed import samples  # noqa: E402
from picklewatch.analysis.pickle import Budget, judge_pickle  # noqa: E402
from picklewatch.core.model import DEFAULT_LIMITS  # noqa: E402

COMMANDS: dict[str, list[str]] = {
    "picklescan": ["picklescan", "-p"],
    "hayward": ["hayward", "scan", "--quiet"],
    "modelwarden": ["modelwarden", "scan"],
    "modelscan": ["modelscan", "-p"],
    "modelaudit": ["modelaudit", "scan", "--quiet"],
    "fickling": ["fickling", "--check-safety"],
    "pickleguard": ["pickleguard", "scan"],
}
"""What a person types, the path last."""
_ONE_FILE = frozenset({"fickling"})
"""Take no folder."""
_PICKLESCAN = (
    "import io,sys,time,statistics; from picklescan.scanner import scan_pickle_bytes as s; d=sys.stdin.buffer.read()\n"
    "def once():\n t=time.process_time(); s(io.BytesIO(d),'x'); return time.process_time()-t\n"
    "print(statistics.median(once() for _ in range(int(sys.argv[1]))))"
)


def main() -> None:
    """Measure and print."""
    options = _options()
    cache = peers.cache_folder(options.cache)
    todo = [sample for sample in samples.make(cache / "speed") if options.only in sample.name]
    ours = f"picklewatch {importlib.metadata.version('picklewatch')}"
    commands = {ours: [sys.executable, "-m", "picklewatch", "scan", "--format", "json"]}
    picklescan: Path | None = None
    for name in options.tools.split(","):
        installed = peers.install(next(peer for peer in peers.PEERS if peer.name == name), cache)
        if installed.python is None:
            print(f"{name} is not compared: {installed.problem}")
            continue
        script, *rest = COMMANDS[name]
        commands[f"{name} {installed.version}"] = [str(installed.python.parent / script), *rest]
        picklescan = installed.python if name == "picklescan" else picklescan
    figures = {sample.name: _compare(sample, commands, options) for sample in todo}
    inside = {sample.name: _inside(sample.pickle, picklescan, options.runs) for sample in todo if sample.pickle}
    _publish(figures, inside, options)


def _compare(sample: samples.Sample, commands: dict[str, list[str]], options: argparse.Namespace) -> dict[str, Any]:
    """Every tool in turn, again and again, so that a busy moment of the machine meets all."""
    runs: dict[str, list[measure.Cost]] = {name: [] for name in commands}
    for _ in range(options.runs):
        for name, command in commands.items():
            slow = runs[name] and runs[name][-1].wall > options.timeout / 4
            if slow or (sample.path.is_dir() and name.split()[0] in _ONE_FILE):
                continue
            environment = {"DO_NOT_TRACK": "1", "PROMPTFOO_DISABLE_TELEMETRY": "1", "NO_COLOR": "1"}
            runs[name].append(
                measure.run([*command, str(sample.path)], timeout=options.timeout, env=environment, cwd=Path("/tmp"))
            )
    return {name: _median(costs) for name, costs in runs.items() if costs}


def _median(costs: list[measure.Cost]) -> dict[str, Any]:
    return {
        "cpu": statistics.median(cost.cpu for cost in costs),
        "wall": statistics.median(cost.wall for cost in costs),
        "peak": statistics.median(cost.peak for cost in costs),
        "runs": len(costs),
        "status": costs[-1].status,
    }


def _inside(content: bytes, picklescan: Path | None, runs: int) -> dict[str, float]:
    """Processor seconds of the judgement alone, within a process that is already warm."""

    def once() -> float:
        begun = time.process_time()
        judge_pickle(content, budget=Budget(limits=DEFAULT_LIMITS), persistent=True)
        return time.process_time() - begun

    once()
    found = {"picklewatch": statistics.median(once() for _ in range(runs))}
    if picklescan is not None:
        cost = measure.run([str(picklescan), "-c", _PICKLESCAN, str(runs)], stdin=content)
        found["picklescan"] = float(cost.stdout)
    return found


def _publish(figures: dict[str, Any], inside: dict[str, Any], options: argparse.Namespace) -> None:
    parts = []
    for name, tools in figures.items():
        rows = [[name, "CPU s", "wall s", "peak MB", "runs", ""]]
        for tool, figure in tools.items():
            note = "took too long" if figure["status"] == 124 else f"status {figure['status']}"
            numbers = [
                f"{figure['cpu']:.2f}",
                f"{figure['wall']:.2f}",
                f"{figure['peak'] / 1e6:.0f}",
                str(figure["runs"]),
            ]
            rows.append([tool, *numbers, note])
        parts.append(rows)
    rows = [["the pickle alone, CPU s", *next(iter(inside.values()), {})]]
    rows += [[name, *(f"{seconds:.4f}" for seconds in tools.values())] for name, tools in inside.items()]
    if inside:
        parts.append(rows)
    print("\n\n".join(map(tally.plain, parts)))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "speed.json").write_text(json.dumps({"commands": figures, "inside": inside}, indent=1) + "\n")
        (options.out / "speed.md").write_text("\n\n".join(map(tally.markdown, parts)) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/speed", description=__doc__)
    parser.add_argument(
        "--cache", type=Path, help="environments and files (default: $XDG_CACHE_HOME/picklewatch-bench)"
    )
    parser.add_argument("--tools", default=",".join(COMMANDS), help="comma-separated; default: all that have a command")
    parser.add_argument("--only", default="", help="only samples with this in their name")
    parser.add_argument("--runs", type=int, default=5, help="of each command; the median counts")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one run")
    parser.add_argument("--out", type=Path, help="where speed.json and speed.md go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
