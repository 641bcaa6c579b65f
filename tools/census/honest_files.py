"""Compare the verdicts of honest files with those on the list: ``python tools/census/honest_files.py ROOT RECORDS``.

ROOT holds what ``real_files.py`` wrote, a folder a library, and beside those folders ``name-version`` with the files
of a package from the registry (``/`` of a member's path written as ``__``). RECORDS is what ``picklewatch scan
--format json ROOT`` printed. Each loss is printed: a file that the list calls clean and that is not any more.

``--write`` writes the list instead. The files are never committed: they are made anew, or taken out of the package.
Two runs of a library need not write the same bytes; the digest tells which bytes the verdict was about.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("honest_files.tsv")
COLUMNS = "name\tlibrary\tversion\tsha256\tverdict"
_RANK = {"clean": 0, "skipped": 0, "unverified": 1, "unscannable": 2, "unsafe": 3, "malicious": 4}


def origin(root: Path, name: str) -> tuple[str, str]:
    """Return the library that wrote or ships the file *name*, and the library's version."""
    folder = name.split("/", 1)[0]
    version = root / folder / "VERSION"
    if version.exists():
        return folder, version.read_text(encoding="utf-8").strip()
    library, _, number = folder.rpartition("-")
    return library, number


def read_records(root: Path, records: Path) -> dict[str, dict[str, Any]]:
    """Return the record of each file below *root*, by its name there."""
    found = {}
    for line in records.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        path = Path(record["path"]) if "verdict" in record else None
        if path and path.is_relative_to(root) and path.name != "VERSION":
            found[path.relative_to(root).as_posix()] = record
    return found


def read_list() -> dict[str, str]:
    """Return the verdict of each file on the list."""
    lines = LIST.read_text(encoding="utf-8").splitlines()[1:]
    return {name: verdict for name, _, _, _, verdict in (line.split("\t") for line in lines)}


def write_list(root: Path, found: dict[str, dict[str, Any]]) -> None:
    """Write the list anew: what *found* says of each file."""
    rows = [
        "\t".join((name, *origin(root, name), found[name]["sha256"], found[name]["verdict"])) for name in sorted(found)
    ]
    LIST.write_text("\n".join([COLUMNS, *rows]) + "\n", encoding="utf-8")


def compare(found: dict[str, dict[str, Any]]) -> int:
    """Print each file that got worse, and how many are clean; return 1 if any got worse, 2 if any is missing."""
    listed = read_list()
    worse = [name for name in listed if name in found and _RANK[found[name]["verdict"]] > _RANK[listed[name]]]
    for name in worse:
        print(f"{listed[name]} -> {found[name]['verdict']}: {name}")
        for finding in found[name]["findings"]:
            print(f"    {finding['rule']}: {finding['summary']}")
    missing = sorted(listed.keys() - found.keys())
    for name in missing:
        print(f"missing: {name}")
    clean = sum(record["verdict"] == "clean" for record in found.values())
    print(f"{len(found)} files, {clean} clean, {len(worse)} worse than on the list, {len(missing)} missing")
    return 2 if missing else int(bool(worse))


def main(arguments: list[str]) -> int:
    """Compare with the list, or write it."""
    paths = [Path(argument).resolve() for argument in arguments if argument != "--write"]
    if len(paths) != 2:  # noqa: PLR2004
        sys.stderr.write("usage: python tools/census/honest_files.py [--write] ROOT RECORDS\n")
        return 2
    found = read_records(*paths)
    if "--write" in arguments:
        write_list(paths[0], found)
        return 0
    return compare(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
