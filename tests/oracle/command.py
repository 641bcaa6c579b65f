"""The command line: ``python tests/oracle chain|sweep|calls``. Nothing is loaded before the cage stands."""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from oracle import cage, installed
from oracle.chain import Chain
from oracle.engine import Judge
from oracle.ledger import SEARCH, Ledger, OtherEngineError
from oracle.schemas import table, untouched
from oracle.searches import TIMES, calls, sweep
from oracle.seeds import LIBRARIES, MAKERS, led, seeds
from oracle.subject import subject
from oracle.trial import Trial
from picklewatch.sandbox.engine_version import rules_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oracle.trees import Node


def main(arguments: list[str] | None = None) -> int:
    """Run the search that *arguments* ask for; return 1 if it found something, 2 if nothing could be loaded."""
    options = _parser().parse_args(arguments)
    with ExitStack() as stack:
        out = stack.enter_context(options.out.open("a+", encoding="utf-8")) if options.out else None
        try:
            ledger = Ledger(out, rules_version() + (" without the rule" if options.rule_off else ""))
            cage.enter()
        except OtherEngineError as error:
            print(f"{options.out} is another engine's or environment's: {error}. Give a new file.", file=sys.stderr)
            return 2
        except cage.NoCageError as error:
            print(f"There is no cage, so nothing is loaded: {error}.", file=sys.stderr)
            return 2
        trial = Trial(Judge(rule=not options.rule_off and "schemas" not in options.search), out)
        _search(trial, options, ledger)
    print(trial.report())
    if options.out:
        print(
            f"{ledger.total} clean pickles were loaded by all runs of this file, earlier ones found {ledger.findings}"
        )
    if not trial.counts["loaded"]:
        print("Nothing was loaded: the run proves nothing.")
        return 2
    return 1 if trial.seen or trial.touched or ledger.findings else 0


def _search(trial: Trial, options: argparse.Namespace, ledger: Ledger) -> None:
    warnings.simplefilter("ignore")
    wanted = {"calls", "sweep", "chain"} if "long" in options.search else set(options.search)
    if "schemas" in wanted:
        names = installed.names(options.libraries)
        for place in untouched(trial, names, table()):
            print(f"nobody touches {place}")
    if wanted & {"calls", "sweep"}:
        _search_names(trial, options, ledger, wanted)
    if "chain" in wanted:
        _compose(trial, options, ledger)


def _search_names(trial: Trial, options: argparse.Namespace, ledger: Ledger, wanted: set[str]) -> None:
    _warm_up(trial, _seeds(options))
    if ledger.vouched is None:
        names = installed.from_census(options.census) if options.census else installed.names(options.libraries)
        ledger.keep(installed.vouched(names, trial.judge))
        installed.settle()
    found = ledger.vouched
    assert found is not None
    print(f"{len(found.made)} classes, {len(found.called)} calls, {len(found.kept)} functions are vouched for")
    if "calls" in wanted:
        calls(trial, found.called, options.seconds, ledger)
    if "sweep" in wanted:
        loads = sweep(trial, found.made, options.seconds, options.seed, ledger)
        libraries = {name.partition(".")[0] for name, count in loads.items() if count}
        rare = sum(count < TIMES for count in loads.values())
        print(f"{len(loads)} classes of {len(libraries)} libraries, {rare} of them loaded fewer than {TIMES} times")


def _compose(trial: Trial, options: argparse.Namespace, ledger: Ledger) -> None:
    """Search compositions with the seed that is asked for; with one that is fresh where earlier runs had that."""
    seed = max(options.seed, ledger.fresh_seed)
    made = _seeds(options)
    print(f"seed {seed}:", *made)
    _warm_up(trial, made)
    search = Chain(trial, made, random.Random(seed))
    search.run(options.seconds, options.loads - ledger.total, lambda clean: ledger.done(f"{SEARCH}{seed}", clean))


def _seeds(options: argparse.Namespace) -> dict[str, Node]:
    print("imported:", *filter(installed.import_quietly, LIBRARIES))
    made = seeds(options.only) | (led() if options.led else {})
    installed.settle()
    return made


def _warm_up(trial: Trial, made: Mapping[str, Node]) -> None:
    """Import what loading real objects imports: a class that keeps a tensor is no event for torch's own loader."""
    print("warmed up:", *trial.warm_up([subject(name, root, stand_ins=False) for name, root in made.items()]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__)
    parser.add_argument(
        "search", nargs="+", choices=("calls", "sweep", "chain", "long", "schemas"), help="long: all but the last"
    )
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
    parser.add_argument("--out", type=Path, help="a file for what was found and done; the next run with it goes on")
    return parser
