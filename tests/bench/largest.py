"""``python tests/bench/largest.py``: the largest honest files, judged within the default limits of memory and opcodes.

Prints the peak memory and the processor seconds of each scan; the wall clock is not limited. The table of arrays needs
numpy. Takes two minutes and 2 GiB of memory, and 400 MiB in the directory for temporary files.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import resource
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

from picklewatch.core.model import DEFAULT_LIMITS
from picklewatch.sandbox import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator

_LIMITS = replace(DEFAULT_LIMITS, seconds=600.0)


def largest_files() -> Iterator[tuple[str, object]]:
    """Yield what people pickle that is large, each with a name."""
    yield "2.5 million texts", {f"token{number}": number for number in range(2_500_000)}
    yield "5 million texts", {f"token{number}": number for number in range(5_000_000)}
    choose = random.Random(1)
    sentence = "a%d " * 20
    words = [(sentence % tuple(choose.randrange(50_000) for _ in range(20))).split() for _ in range(560_000)]
    yield "11 million tokens", words
    with contextlib.suppress(ImportError):
        import numpy as np

        numbers = np.random.default_rng(1)
        yield "400,000 arrays", {f"word{number}": numbers.random(100, "float32") for number in range(400_000)}


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Write and judge each file, and print one line about it."""
    print("file | MiB | opcodes | peak MiB | CPU s | findings")
    for name, value in largest_files():
        with tempfile.TemporaryFile() as file:
            pickle.dump(value, file, 4)
            file.flush()
            before = _processor_seconds()
            with Scanner(_LIMITS) as scanner:
                report = scanner.scan(file.fileno())
            size, seconds = os.fstat(file.fileno()).st_size >> 20, _processor_seconds() - before
        rules = ", ".join(finding.rule for finding in report.findings)
        print(f"{name} | {size} | {report.opcodes} | {report.peak_kib >> 10} | {seconds:.1f} | {rules}", flush=True)


if __name__ == "__main__":
    main()
