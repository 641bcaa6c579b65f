"""The real ``picklewatch scan``, as a person at a shell runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def scan(folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Scan *folder*; map each file's path below it to its record."""
    command = [sys.executable, "-m", "picklewatch", "scan", "--format", "json", *options, str(folder)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode not in (0, 1, 2) or not done.stdout:
        raise RuntimeError(f"status {done.returncode}:\n{done.stderr}")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    prefix = f"{folder}/"
    return {record["path"].removeprefix(prefix): record for record in records}


def explained(record: dict[str, Any]) -> str:
    """Why *record* has its verdict, for the message of a failing test."""
    findings = "\n".join(f"  {f['level']} {f['rule']} {f['where']}: {f['summary']}" for f in record["findings"][:10])
    return f"{record['path']}: {record['format']} {record['verdict']} {record['reasons']}\n{findings}"
