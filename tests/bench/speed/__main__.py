"""``python tests/bench/speed``: processor time, wall clock and peak memory of whole commands, medians of runs.

``speed.md`` below ``--out`` is made for docs/performance.md: a table of all rows with the ratio to the fastest peer
that reads the row, one table of the judgement alone, and one table for each row.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path[0] = str(Path(__file__).resolve().parents[2])

from bench import measure, peers  # noqa: E402 - the path above
from bench.detection import tally  # noqa: E402
from bench.speed import samples  # noqa: E402
from picklewatch.analysis.pickle import Budget, judge_pickle  # noqa: E402
from picklewatch.core.model import DEFAULT_LIMITS  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

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
_LATE = 124
"""The status of a command that took too long."""
_PICKLESCAN = (
    "import io,sys,time,statistics; from picklescan.scanner import scan_pickle_bytes as s; d=sys.stdin.buffer.read()\n"
    "def once():\n t=time.process_time(); s(io.BytesIO(d),'x'); return time.process_time()-t\n"
    "print(statistics.median(once() for _ in range(int(sys.argv[1]))))"
)


def main() -> None:
    """Measure and print."""
    options = _options()
    cache = peers.cache_folder(options.cache).resolve()  # commands run elsewhere
    todo = samples.make(cache / "speed", lambda row: options.only in row.name and row.name not in options.without)
    ours = f"picklewatch {importlib.metadata.version('picklewatch')}"
    commands = {ours: [sys.executable, "-m", "picklewatch", "scan", "--format", "json"]}
    picklescan: Path | None = None
    for name in filter(None, options.tools.split(",")):
        installed = peers.install(next(peer for peer in peers.PEERS if peer.name == name), cache)
        if installed.python is None:
            print(f"{name} is not compared: {installed.problem}")
            continue
        script, *rest = COMMANDS[name]
        commands[f"{name} {installed.version}"] = [str(installed.python.parent / script), *rest]
        picklescan = installed.python if name == "picklescan" else picklescan
    results = [Measured(sample=sample, tools=_compare(sample, commands, options)) for sample in todo]
    inside = {
        sample.row.title: _inside(sample.pickle, picklescan, options.runs)
        for sample in todo
        if sample.pickle is not None
    }
    _publish(results, inside, options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The figures of every tool on one row, ours first."""

    sample: samples.Sample
    tools: dict[str, dict[str, Any]]

    @property
    def ours(self) -> float:
        """Our processor time."""
        return float(next(iter(self.tools.values()))["cpu"])

    def fastest(self) -> tuple[str, float]:
        """Return the fastest peer that reads the row, and its processor time; no name if there is none."""
        row = self.sample.row
        peers_ = {tool: figure["cpu"] for tool, figure in [*self.tools.items()][1:] if figure["status"] == row.status}
        name = min(peers_, key=peers_.__getitem__, default="") if row.read_by_peers else ""
        return (name, peers_[name]) if name else ("", 0.0)


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
    print(f"{sample.row.name}: done", file=sys.stderr, flush=True)
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
    """Opcodes, and the processor seconds of the judgement alone, within a process that is already warm."""

    def once() -> float:
        begun = time.process_time()
        judge_pickle(content, budget=Budget(limits=DEFAULT_LIMITS), persistent=True)
        return time.process_time() - begun

    opcodes = judge_pickle(content, budget=Budget(limits=DEFAULT_LIMITS), persistent=True).opcodes
    found = {"opcodes": opcodes, "picklewatch": statistics.median(once() for _ in range(runs))}
    if picklescan is not None:
        cost = measure.run([str(picklescan), "-c", _PICKLESCAN, str(runs)], stdin=content)
        found["picklescan"] = float(cost.stdout)
    return found


def _summary(results: Sequence[Measured]) -> list[list[str]]:
    """One line a row: what it costs, beside the fastest peer, and what it is to cost at most."""
    start = next((result.ours for result in results if result.sample.row.name == "one-small-pickle.pkl"), None)
    rows = [["whole command", "CPU s", "beyond the start", "the fastest peer that reads it", "ratio", "at most"]]
    for result in results:
        row, (peer, cost) = result.sample.row, result.fastest()
        beyond = "" if start is None else f"{max(result.ours - start, 0):.2f}"
        most = f"{row.most}" if row.most is not None else f"{row.beyond} s beyond" if row.beyond is not None else ""
        beside = f"{peer}: {cost:.2f}" if peer else "none"
        ratio = f"{result.ours / cost:.2f}" if cost else ""
        rows.append([row.title, f"{result.ours:.2f}", beyond, beside, ratio, most])
    return rows


def _engine(inside: dict[str, dict[str, float]]) -> list[list[str]]:
    rows = [["the pickle alone", "opcodes", "picklewatch, CPU s", "picklescan, CPU s", "ratio"]]
    for title, figures in inside.items():
        ours, theirs = figures["picklewatch"], figures.get("picklescan")
        beside = ["", ""] if theirs is None else [f"{theirs:.4f}", f"{ours / theirs:.2f}"]
        rows.append([title, f"{figures['opcodes']:,}", f"{ours:.4f}", *beside])
    return rows


def _details(result: Measured) -> list[list[str]]:
    rows = [["tool", "CPU s", "wall s", "peak MB", "runs", ""]]
    for tool, figure in result.tools.items():
        note = "took too long" if figure["status"] == _LATE else f"status {figure['status']}"
        numbers = [f"{figure['cpu']:.2f}", f"{figure['wall']:.2f}", f"{figure['peak'] / 1e6:.0f}", str(figure["runs"])]
        rows.append([tool, *numbers, note])
    return rows


def _publish(results: Sequence[Measured], inside: dict[str, dict[str, float]], options: argparse.Namespace) -> None:
    parts = [("All rows", _summary(results))]
    if inside:
        parts.append(("The judgement alone", _engine(inside)))
    parts += [(result.sample.row.title, _details(result)) for result in results]
    print("\n\n".join(f"{title}\n{tally.plain(rows)}" for title, rows in parts))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        commands = {result.sample.row.name: result.tools for result in results}
        (options.out / "speed.json").write_text(json.dumps({"commands": commands, "inside": inside}, indent=1) + "\n")
        text = "\n\n".join(f"## {title}\n\n{tally.markdown(rows)}" for title, rows in parts)
        (options.out / "speed.md").write_text(text + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/speed", description=__doc__)
    parser.add_argument(
        "--cache", type=Path, help="environments and files (default: $XDG_CACHE_HOME/picklewatch-bench)"
    )
    parser.add_argument("--tools", default=",".join(COMMANDS), help="comma-separated, or empty; default: all")
    parser.add_argument("--only", default="", help="only rows with this in their name")
    parser.add_argument("--without", action="append", default=[], help="the name of a row that is left out; repeatable")
    parser.add_argument("--runs", type=int, default=5, help="of each command; the median counts")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for one run")
    parser.add_argument("--out", type=Path, help="where speed.json and speed.md go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
