"""Compare what two versions of picklewatch say of the same files: ``python tools/compare_records.py BEFORE AFTER``.

Each argument is what ``picklewatch scan --format json PATH …`` printed. Two records agree if everything agrees but the
engine's version, the costs of the scan, and the wording of sentences: rule, level, place, evidence, keys and counts may
not differ. Exit status 1 if anything differs, 2 if a file is missing on one side.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_IGNORED = {"duration_ms", "engine", "summary"}
"""Keys whose values may differ: the cost, the versions, and wording."""


def comparable(value: Any) -> Any:
    """Return *value* without what may differ between two versions."""
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items() if key not in _IGNORED}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return value


def read(path: Path) -> dict[str, Any]:
    """Return the records in *path* by the name of the file that each is about."""
    records = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {record["path"]: record for record in records if "verdict" in record}


def differences(before: Any, after: Any, where: str = "") -> list[str]:
    """Return each place where *before* and *after* differ, as ``key.key: old -> new``."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = sorted(before.keys() | after.keys())
        return [line for key in keys for line in differences(before.get(key), after.get(key), f"{where}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [line for index, (old, new) in pairs for line in differences(old, new, f"{where}[{index}]")]
    return [] if before == after else [f"{where.lstrip('.')}: {before!r:.200} -> {after!r:.200}"]


def main(arguments: list[str]) -> int:
    """Print every difference, and how many files were compared."""
    if len(arguments) != 2:  # noqa: PLR2004
        sys.stderr.write("usage: python tools/compare_records.py BEFORE AFTER\n")
        return 2
    before, after = (read(Path(argument)) for argument in arguments)
    missing = sorted(before.keys() ^ after.keys())
    for path in missing:
        print(f"only {'before' if path in before else 'after'}: {path}")
    changed = 0
    for path in sorted(before.keys() & after.keys()):
        found = differences(comparable(before[path]), comparable(after[path]))
        changed += bool(found)
        for line in found:
            print(f"{path}: {line}")
    print(f"{len(before.keys() & after.keys())} files compared, {changed} differ, {len(missing)} missing on one side")
    return 2 if missing else int(changed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
