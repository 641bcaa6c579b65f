"""Take the census of libraries that can't be installed here: read their wheels and sdists as text, run nothing.

    python tools/census/by_text.py --out OUT --beside numpy-1.16.6….whl scikit_learn-0.21.3….whl

writes ``OUT/text-LIBRARY-VERSION.jsonl``: a line for each class of the library and for each of their hook functions, as
`introspect` writes them for what is installed. A class of which something is not known (a base in a library that is
not beside it, a metaclass, a decorator that nobody read) gets no line; ``text-LIBRARY-VERSION.unknown`` lists these.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import defaultdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from census.text_archive import Library, load
from census.text_hooks import TextCensus
from census.text_mro import NotKnownError
from census.text_values import TextClass
from census.text_world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

_SKIPPED = re.compile(r"(^|\.)(tests?|testing|conftest|__main__|examples?|benchmarks?|docs?|setup)(\.|$)")


def names_of(world: World, library: Library, top: str) -> tuple[dict[TextClass, list[str]], list[str]]:
    """Return the classes of *top* and every name that leads to each, and modules that could not be parsed."""
    found: dict[TextClass, list[str]] = defaultdict(list)
    broken = []
    for name in sorted(library.modules):
        if name.partition(".")[0] != top or _SKIPPED.search(name):
            continue
        place = world.place(name)
        if place is None:
            broken.append(name)
            continue
        for alias in place.scope:
            values = world.module_name(name, alias)
            if len(values) != 1:
                continue
            value = next(iter(values))
            if isinstance(value, TextClass) and value.where.module.name.partition(".")[0] == top:
                found[value].append(f"{name}.{alias}")
    return dict(found), broken


def census(library: Library, beside: list[Library]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the lines of *library*, and why other classes have none."""
    world = World([library, *beside])
    taken = TextCensus(world)
    lines, unknown = [], []
    for top in sorted(library.tops):
        classes, broken = names_of(world, library, top)
        unknown += [f"{name}\tcan't be parsed" for name in broken]
        for cls, names in sorted(classes.items(), key=lambda pair: pair[0].key):
            line = {"class": cls.key, "library": top, "version": library.version, "names": sorted(names)}
            try:
                lines.append(line | taken.look(cls))
            except NotKnownError as error:
                unknown.append(f"{cls.key}\t{error}")
            except RecursionError:
                unknown.append(f"{cls.key}\ttoo deep")
    used = {key for line in lines for key in (*line["hooks"].values(), *(k for v in line["acts"].values() for k in v))}
    lines += [one.line() for key, one in sorted(taken.functions.items()) if key in used]
    return lines, unknown


def _write(path: Path, lines: Iterator[str]) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    part.replace(path)


def _take(archive: Path, beside: list[Path], out: Path) -> None:
    library = load(archive)
    lines, unknown = census(library, [load(path) for path in beside])
    stem = f"text-{library.name}-{library.version}"
    _write(out / f"{stem}.jsonl", (json.dumps(line) for line in lines))
    _write(out / f"{stem}.unknown", iter(unknown))
    classes = sum("class" in line for line in lines)
    print(f"{stem}: {classes} classes, {len(lines) - classes} functions, {len(unknown)} not known", flush=True)


def _listed(path: Path, folder: Path) -> Iterator[list[Path]]:
    """Return for each line of *path* the archives in *folder* that begin with its words."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.partition("#")[0].split()
        if words:
            yield [next(chain(folder.glob(f"{word}-*.whl"), folder.glob(f"{word}.tar.gz"))) for word in words]


def main() -> None:
    """Write the census of one library, or of each in a list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="the wheel or sdist to read; with --list the folder of wheels")
    parser.add_argument("--list", type=Path, help="a file like text_versions.txt: what to read, and what is beside it")
    parser.add_argument(
        "--beside", type=Path, nargs="*", default=[], help="wheels and sdists that it derives classes from"
    )
    parser.add_argument("--out", type=Path, default=Path(), help="the directory to write to")
    options = parser.parse_args()
    sys.setrecursionlimit(10000)
    taken = _listed(options.list, options.archive) if options.list else iter([[options.archive, *options.beside]])
    for archive, *beside in taken:
        _take(archive, beside, options.out)


if __name__ == "__main__":
    main()
