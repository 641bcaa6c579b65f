"""Write the bill of materials of a release: CycloneDX JSON of picklewatch and of what it needs at run time.

python tools/sbom.py [--wheel FILE] [--out FILE]

Everything comes from `pyproject.toml` and `requirements.lock`, so that the same tree always gives the same bytes; no
time stamp is in it. What only builds the wheel is not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tomllib
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

TREE = Path(__file__).resolve().parents[1]
LOCK = TREE / "requirements.lock"
RUN_TIME = "picklewatch (pyproject.toml)"
"""What `uv pip compile` calls the project's own dependencies; a group has its name behind a colon."""
_PINNED = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9.-]*)(?:\[[a-z,-]+\])?==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+?))?(?: \\)?"
)
_HASH = re.compile(r" +--hash=sha256:(?P<digest>[0-9a-f]{64})(?: \\)?")
_VIA = re.compile(r" +# (?:via (?P<only>.+)|via|  (?P<one>.+))")


@dataclass(slots=True)
class Pinned:
    """One requirement of a lock file."""

    name: str
    version: str
    marker: str
    """Where it is needed, such as ``python_version < '3.12'``; empty: everywhere."""
    hashes: list[str] = field(default_factory=list)
    """The SHA-256 of each file of that version that may be installed."""
    via: list[str] = field(default_factory=list)
    """Who asks for it."""

    @property
    def purl(self) -> str:
        """The package URL."""
        return f"pkg:pypi/{self.name}@{self.version}"


def read_lock(path: Path) -> list[Pinned]:
    """Read every requirement of the lock file *path*. Raises `ValueError` for a line of another kind."""
    found: list[Pinned] = []
    for line in path.read_text().splitlines():
        if match := _PINNED.fullmatch(line):
            found.append(Pinned(match["name"], match["version"], match["marker"] or ""))
        elif found and (match := _HASH.fullmatch(line)):
            found[-1].hashes.append(match["digest"])
        elif found and (match := _VIA.fullmatch(line)):
            found[-1].via += [name for name in match.groups() if name]
        elif line and not line.startswith("#") and line != "--only-binary :all:":
            raise ValueError(f"{path.name} has a line that is no requirement with hashes: {line}")
    return found


def run_time(pinned: Iterable[Pinned]) -> list[Pinned]:
    """Keep what the project needs at run time, and what that needs."""
    everything = list(pinned)
    wanted = {RUN_TIME}
    while more := {each.name for each in everything if wanted & set(each.via)} - wanted:
        wanted |= more
    return [each for each in everything if each.name in wanted]


def bill(pinned: list[Pinned], project: dict[str, Any], version: str, wheel: Path | None = None) -> dict[str, Any]:
    """Make the CycloneDX document."""
    root: dict[str, Any] = {
        "type": "application",
        "bom-ref": f"pkg:pypi/{project['name']}@{version}",
        "name": project["name"],
        "version": version,
        "purl": f"pkg:pypi/{project['name']}@{version}",
        "licenses": [{"license": {"id": project["license"]}}],
    }
    if wheel is not None:
        root["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
    body = {
        "metadata": {"component": root},
        "components": [_component(each) for each in pinned],
        "dependencies": [_edges(RUN_TIME, root["purl"], pinned)]
        + [_edges(each.name, each.purl, pinned) for each in pinned],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True))
    return {"bomFormat": "CycloneDX", "specVersion": "1.6", "serialNumber": f"urn:uuid:{serial}", "version": 1, **body}


def _component(pinned: Pinned) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": "library",
        "bom-ref": pinned.purl,
        "name": pinned.name,
        "version": pinned.version,
        "purl": pinned.purl,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in pinned.hashes],
    }
    if pinned.marker:
        shown["properties"] = [{"name": "picklewatch:marker", "value": pinned.marker}]
    return shown


def _edges(name: str, purl: str, pinned: list[Pinned]) -> dict[str, Any]:
    return {"ref": purl, "dependsOn": [each.purl for each in pinned if name in each.via]}


def main() -> None:
    """Write the document, beside the wheel if there is one."""
    parser = argparse.ArgumentParser(description="Write picklewatch's bill of materials (CycloneDX JSON).")
    parser.add_argument("--wheel", type=Path, help="the wheel that it goes with; its SHA-256 is put in")
    parser.add_argument("--out", type=Path, help="where to; by default dist/picklewatch-VERSION.cdx.json")
    arguments = parser.parse_args()
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    source = (TREE / "src" / "picklewatch" / "__init__.py").read_text()
    version = re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE)[0]
    document = bill(run_time(read_lock(LOCK)), project, version, arguments.wheel)
    out = arguments.out or TREE / "dist" / f"picklewatch-{version}.cdx.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n")
    print(out)


if __name__ == "__main__":
    main()
