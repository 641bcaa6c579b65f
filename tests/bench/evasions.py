"""Verdicts of evasions, and their cost: ``python tests/bench/evasions.py [EVERY]``; every n-th, or all.

Three hundred files of `samples.evasions`, full size, each scanned in the sandbox as the daemon does it. A row a kind:
how many came out below unsafe, and, of those under a mebibyte, the dearest one's seconds (wall clock: leave the machine
alone meanwhile) and the most resident memory.
"""

from __future__ import annotations

import os
import sys
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from samples.evasions import kinds

from picklewatch.core.model import Policy, Verdict
from picklewatch.core.policy import decide
from picklewatch.sandbox import Scanner


def main(arguments: list[str]) -> int:
    """Scan and print; exit status 1 if anything was hidden."""
    every = int(arguments[0]) if arguments else 1
    missed = 0
    print(f"{'kind':<24}{'files':>6}{'hidden':>8}{'under 1 MiB: s':>20}{'MiB':>6}   the dearest")
    with Scanner() as scanner:
        for kind, ways in kinds().items():
            hidden, dearest, most, small, count = [], (0.0, ""), 0, 1 << 20, 0
            for name, make in islice(ways.items(), 0, None, every):
                content = make()
                verdict, seconds, mebibytes = _scan(scanner, content)
                count += 1
                if verdict.rank < Verdict.UNSAFE.rank:
                    hidden.append(f"{name} ({verdict})")
                if len(content) < small:
                    dearest, most = max(dearest, (seconds, name)), max(most, mebibytes)
            print(
                f"{kind:<24}{count:>6}{len(hidden):>8}{dearest[0]:>20.1f}{most:>6}   {dearest[1]} {hidden}", flush=True
            )
            missed += len(hidden)
    return 1 if missed else 0


def _scan(scanner: Scanner, content: bytes) -> tuple[Verdict, float, int]:
    fd = os.memfd_create("evasion")
    try:
        os.write(fd, content)
        report = scanner.scan(fd)
    finally:
        os.close(fd)
    return decide(report, Policy()).verdict, report.duration_ms / 1000, report.peak_kib >> 10


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
