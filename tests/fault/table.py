"""``python tests/fault/table.py [WORD…]``: inject every fault (whose name has a WORD in it) and print one table.

Exit status 1 if a target is missed: nothing lost, doubled, or without a verdict, and healthy within a minute.
Exit status 2 if no fault has such a name.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fault.faults import FAULTS
from fault.running import Outcome, run

_ROW = "{:<32} {:>8} {:>6} {:>5} {:>8} {:>8} {:>10}  {}"


def row(outcome: Outcome) -> str:
    """One line of the table."""
    if outcome.skipped:
        return _ROW.format(outcome.fault, "-", "-", "-", "-", "-", "-", f"skipped: {outcome.note}")
    account = outcome.account
    numbers = (outcome.injected, account.files, account.lost, account.doubled, account.missing)
    verdict = outcome.measured if outcome.is_good else f"MISSED {outcome.note} {outcome.measured}"
    return _ROW.format(outcome.fault, *numbers, f"{outcome.seconds:.1f}", verdict).rstrip()


def main(words: list[str]) -> int:
    """Print the table; the exit status."""
    asked = [word.replace(" ", "_") for word in words]
    chosen = [fault for fault in FAULTS if not asked or any(word in fault.__name__ for word in asked)]
    if not chosen:
        print(f"no fault has a name with {' or '.join(map(repr, words))}", file=sys.stderr)
        return 2
    print(_ROW.format("fault", "injected", "files", "lost", "doubled", "missing", "s healthy", "").rstrip())
    good = True
    for fault in chosen:
        with tempfile.TemporaryDirectory(prefix="picklewatch-fault-", ignore_cleanup_errors=True) as home:
            outcome = run(fault, Path(home))
        print(row(outcome), flush=True)
        good = good and (outcome.is_good or outcome.skipped)
    return 0 if good else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started and mounted goes as well
    sys.exit(main(sys.argv[1:]))
