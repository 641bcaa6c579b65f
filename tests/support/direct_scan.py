"""Have one act done in a direct process: ``python direct_scan.py JOB SECONDS``, the content on standard input.

A program of its own, because a direct process is forked only where there is one thread, which a test's worker is not.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from picklewatch.core.model import Limits
from picklewatch.sandbox import Scanner
from picklewatch.sandbox.direct import DirectProcess, start


def main() -> None:
    """Scan, and write what came of it as one line of JSON."""
    job, seconds = sys.argv[1], float(sys.argv[2])
    direct = start(job)
    limits = Limits(seconds=seconds, cpu_seconds=1, memory=256 << 20, output=1 << 20)
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    os.write(descriptor, sys.stdin.buffer.read())
    with Scanner(limits, job=job, direct=direct) as scanner:
        missing = list(scanner.protections.missing)
        report = scanner.scan(descriptor)
        stayed = scanner._process is None or isinstance(scanner._process, DirectProcess)
    found = [[finding.rule, finding.level.value, finding.summary] for finding in report.findings]
    result = {"direct": direct is not None and stayed, "missing": missing, "complete": report.complete, "found": found}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
