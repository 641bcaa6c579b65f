"""``tools/compare_records.py``: what two versions say of the same files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "compare_records.py"
RECORD = {
    "path": "/models/a.pkl",
    "verdict": "unsafe",
    "duration_ms": 1.0,
    "engine": {"rules": "1"},
    "findings": [{"rule": "unsafe-import", "where": "0x0", "summary": "imports os.system"}],
}


def compared(
    folder: Path, before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> subprocess.CompletedProcess[str]:
    """Run the tool on records as ``scan --format json`` prints them."""
    for name, records in (("before", before), ("after", after)):
        (folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
    command = [sys.executable, str(TOOL), str(folder / "before"), str(folder / "after")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_costs_versions_and_words_may_differ(tmp_path: Path) -> None:
    """Nothing else counts as the same."""
    other = {**RECORD, "duration_ms": 9.0, "engine": {"rules": "2"}}
    other["findings"] = [{"rule": "unsafe-import", "where": "0x0", "summary": "said better"}]
    done = compared(tmp_path, [RECORD], [other])
    assert (done.returncode, done.stdout) == (0, "1 files compared, 0 differ, 0 missing on one side\n")


@pytest.mark.parametrize(
    ("after", "words", "status"),
    [
        ([{**RECORD, "verdict": "clean"}], "verdict: 'unsafe' -> 'clean'", 1),
        ([{**RECORD, "findings": []}], "findings: ", 1),
        ([], "only before: /models/a.pkl", 2),
    ],
)
def test_any_other_difference_is_printed(tmp_path: Path, after: list[dict[str, Any]], words: str, status: int) -> None:
    """With the file, the key, and both values; the exit status says so."""
    done = compared(tmp_path, [RECORD], after)
    assert words in done.stdout
    assert done.returncode == status
