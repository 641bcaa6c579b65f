"""The command line: ``python tests/oracle chain|sweep|calls``. Nothing is loaded before the cage stands."""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from contextlib import ExitStack
from pathlib import Path

from oracle import cage, installed
from oracle.chain import Chain
from oracle.engine import Judge
from oracle.schemas import table, untouched
from oracle.searches import TIMES, calls, sweep
from oracle.seeds import LIBRARIES, MAKERS, led, seeds
from oracle.subject import subject
from oracle.trial import Trial


def main(arguments: list[str] | None = None) -> int:
    """Run the search that *arguments* ask for; return 1 if it found something, 2 if nothing could be loaded."""
    options = _parser().parse_args(arguments)
    with ExitStack() as stack:
        out = stack.enter_context(options.out.open("a", encoding="utf-8")) if options.out else None
        try:
            cage.enter()
        except cage.NoCageError as error:
            print(f"There is no cage, so nothing is loaded: {error}.", file=sys.stderr)
            return 2
        trial = Trial(Judge(rule=not options.rule_off and options.search != "schemas"), out)
        _search(trial, options)
    print(trial.report())
    if not trial.counts["loaded"]:
        print("Nothing was loaded: the run proves nothing.")
        return 2
    return 1 if trial.seen or trial.touched else 0


def _search(trial: Trial, options: argparse.Namespace) -> None:
    warnings.simplefilter("ignore")
    rng = random.Random(options.seed)
    if options.search != "chain":
        _search_names(trial, options, rng)
    if options.search in {"chain", "long"}:
        print("imported:", *filter(installed.import_quietly, LIBRARIES))
        made = seeds(options.only) | (led() if options.led else {})
        print("seeds:", *made)
        installed.settle()
        print("warmed up:", *trial.warm_up([subject(name, root, stand_ins=False) for name, root in made.items()]))
        Chain(trial, made, rng).run(options.seconds, options.loads)


def _search_names(trial: Trial, options: argparse.Namespace, rng: random.Random) -> None:
    names = installed.from_census(options.census) if options.census else installed.names(options.libraries)
    found = installed.vouched(names, trial.judge)
    installed.settle()
    print(f"{len(found.made)} classes, {len(found.called)} calls, {len(found.kept)} functions are vouched for")
    if options.search in {"calls", "long"}:
        calls(trial, found.called, options.seconds)
    if options.search in {"sweep", "long"}:
        loads = sweep(trial, found.made, options.seconds, rng)
        libraries = {name.partition(".")[0] for name, count in loads.items() if count}
        rare = sum(count < TIMES for count in loads.values())
        print(f"{len(loads)} classes of {len(libraries)} libraries, {rare} of them loaded fewer than {TIMES} times")
    if options.search == "schemas":
        for place in untouched(trial, found.made, table()):
            print(f"nobody touches {place}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__)
    parser.add_argument("search", choices=("chain", "sweep", "calls", "long", "schemas"))
    parser.add_argument("--seconds", type=float, default=120.0, help="of each search")
    parser.add_argument("--loads", type=int, default=1 << 60, help="clean pickles after which chain and long end")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--rule-off", action="store_true", help="judge names only: the oracle must then find the chains"
    )
    parser.add_argument("--only", nargs="*", default=tuple(MAKERS), help="the seeds of chain")
    parser.add_argument("--led", action="store_true", help="and what leads to scipy's chain")
    parser.add_argument("--libraries", nargs="*", default=(*installed.STANDARD, *installed.LIBRARIES))
    parser.add_argument("--census", nargs="*", type=Path, help="JSON lines of tools/census, in place of the libraries")
    parser.add_argument("--out", type=Path, help="a file for what was found, one JSON line each")
    return parser
