"""The census of classes: ``python tools/census read --out FOLDER LIBRARY…`` and ``… compile FOLDER/*.jsonl``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE.parent))

from census import collect  # noqa: E402

_TABLE = _HERE.parent.parent / "src" / "picklewatch" / "catalogue" / "classes" / "classes.bin"
_SECONDS = 1800
_CRASHES = 8
"""Modules of one library that may crash the interpreter before it is given up."""


def main() -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(prog="census", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    reading = commands.add_parser(
        "read", help="import libraries of this environment and write a file of lines for each"
    )
    reading.add_argument("--out", type=Path, required=True)
    reading.add_argument("libraries", nargs="+", help="names of top packages")
    one = commands.add_parser("one", help="the child process of read")
    one.add_argument("library")
    one.add_argument("out", type=Path)
    one.add_argument("skipped", nargs="*")
    compiling = commands.add_parser(
        "compile", help="keep new files of lines beside the others, and write the table that the product reads"
    )
    compiling.add_argument("lines", nargs="*", type=Path, help="what read or by_text.py wrote")
    compiling.add_argument("--out", type=Path, default=_TABLE)
    compiling.add_argument(
        "--leave-unread", action="store_true", help="list the hooks that no schema reads as those that stay unread"
    )
    options = parser.parse_args()
    if options.command == "compile":
        return _compile(options.lines, options.out, leave=options.leave_unread)
    if options.command == "one":
        collect.main(options.library, options.out, frozenset(options.skipped))
    return _read(options.out, options.libraries)


def _compile(new: list[Path], out: Path, *, leave: bool) -> int:
    """Write the table of the lines that are kept and the *new* ones, which are kept from then on."""
    # they need picklewatch, which the libraries' environment does not have
    from census import compiled, merge, recorded, unread

    found = recorded.readings(new)
    lines = [line for one in found.values() for line in one]
    names = compiled.names_of(lines)
    hooks = unread.without_schema(one.acts for one in names.values())
    if leave:
        unread.leave(hooks)
    changed = unread.report(lines + merge.by_hand(), only_changed=True)
    for hook in sorted(hooks - unread.left()):
        sys.stderr.write(f"{hook} is in no schema, and not in {unread.LEFT.name}\n")
    if changed or hooks - unread.left():
        return 1
    for name in recorded.keep(found):
        print(f"kept {name}")
    content = compiled.table(names)
    part = out.with_suffix(".part")
    part.write_bytes(content)
    part.rename(out)
    print(f"{len(names)} names, {len(content)} bytes")
    return 0


def _read(out: Path, libraries: list[str]) -> int:
    out.mkdir(parents=True, exist_ok=True)
    missing = [library for library in libraries if not _read_one(library, out)]
    if missing:
        sys.stderr.write("not read: " + " ".join(missing) + "\n")
    return int(bool(missing))


def _read_one(library: str, out: Path) -> bool:
    """Read *library* in a child process; a module that crashes it is left out of the next try."""
    part = out / f".{library}.part"
    progress = part.with_suffix(".progress")
    skipped: list[str] = []
    quiet = {"CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    for _try in range(_CRASHES):
        command = [sys.executable, str(Path(__file__).parent), "one", library, str(part), *skipped]
        try:
            ended = subprocess.run(  # noqa: S603 - this file, by this interpreter
                command,
                check=False,
                timeout=_SECONDS,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, **quiet},
            ).returncode
        except subprocess.TimeoutExpired:
            ended = -1
        if ended == 0 or not progress.exists():
            break
        skipped.append(progress.read_text(encoding="utf-8"))
        sys.stderr.write(f"{library}: {skipped[-1]} ended the interpreter ({ended})\n")
    progress.unlink(missing_ok=True)
    if not part.exists():
        return False
    part.rename(out / f"{library}.jsonl")
    return True


if __name__ == "__main__":
    sys.exit(main())
