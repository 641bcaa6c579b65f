"""``python tests/bench/detection``: see ``--help`` and README.md."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

from bench import peers  # noqa: E402 - the path above
from bench.detection import ask, corpus, tally  # noqa: E402


def main() -> None:
    """Make the files, put every tool before them, print the tables."""
    options = _options()
    cache = peers.cache_folder(options.cache)
    cases: list[tally.Case] = []
    notes = []
    if not options.no_attacks:
        cases += corpus.attack_cases(cache / "attacks")
    if not options.no_benign:
        benign, missing = corpus.benign_cases(cache / "benign", options.benign_python)
        cases += benign
        notes += [f"benign files not written: {name}" for name in missing]
    for folder in options.corpus:
        cases += corpus.folder_cases(folder)
    if options.every > 1:
        cases = cases[:: options.every]
    wanted = options.tools.split(",") if options.tools else [ask.OURS, *(peer.name for peer in peers.PEERS)]
    outcomes = [_outcome(tool, cases, cache, options) for tool in wanted]
    _publish(outcomes, cases, notes, options.out)


def _outcome(tool: str, cases: list[tally.Case], cache: Path, options: argparse.Namespace) -> tally.Outcome:
    begun = time.monotonic()
    paths = [case.path for case in cases]
    if tool == ask.OURS:
        outcome = ask.ask_ours(paths, timeout=options.timeout, whole=options.every == 1)
    else:
        peer = next((peer for peer in peers.PEERS if peer.name == tool), None)
        if peer is None:
            raise SystemExit(f"unknown tool {tool!r}; known: {', '.join(p.name for p in peers.PEERS)}")
        outcome = ask.ask_peer(peers.install(peer, cache), paths, timeout=options.timeout)
    print(f"{tool}: {time.monotonic() - begun:.0f} s {outcome.problem}", file=sys.stderr, flush=True)
    return outcome


def _publish(outcomes: list[tally.Outcome], cases: list[tally.Case], notes: list[str], out: Path | None) -> None:
    main_rows, sweep_rows = tally.main_table(outcomes, cases), tally.sweep_table(outcomes, cases)
    problems = [f"{outcome.tool}: {outcome.problem}" for outcome in outcomes if outcome.problem]
    ours = next((outcome for outcome in outcomes if outcome.tool == ask.OURS), None)
    wrong = tally.misses(ours, cases) if ours else []
    print(tally.plain(main_rows), tally.plain(sweep_rows), *notes, *problems, sep="\n\n" if not notes else "\n")
    print(f"\npicklewatch, wrong: {len(wrong)}", *wrong, sep="\n  ")
    if out is None:
        return
    out.mkdir(parents=True, exist_ok=True)
    report = tally.as_json(outcomes, cases) | {"notes": notes}
    (out / "detection.json").write_text(json.dumps(report, indent=1) + "\n")
    parts = [tally.markdown(main_rows), tally.markdown(sweep_rows)]
    parts += ["\n".join(f"- {line}" for line in lines) for lines in (notes + problems, wrong) if lines]
    (out / "detection.md").write_text("\n\n".join(parts) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench/detection", description=__doc__)
    parser.add_argument(
        "--cache", type=Path, help="environments and files (default: $XDG_CACHE_HOME/picklewatch-bench)"
    )
    parser.add_argument("--tools", default="", help="comma-separated; default: picklewatch and every known peer")
    parser.add_argument(
        "--corpus", type=Path, action="append", default=[], help="a folder, with or without manifest.tsv"
    )
    parser.add_argument("--no-attacks", action="store_true", help="leave the generated attacks out")
    parser.add_argument("--no-benign", action="store_true", help="leave the libraries' files out")
    parser.add_argument(
        "--benign-python", default=sys.executable, help="the interpreter whose libraries write benign files"
    )
    parser.add_argument("--every", type=int, default=1, help="only every n-th file, for a quick look")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for one tool")
    parser.add_argument("--out", type=Path, help="where detection.json and detection.md go")
    return parser.parse_args()


if __name__ == "__main__":
    main()
