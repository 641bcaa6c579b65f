"""The files of one run: generated attacks, benign files that real libraries wrote, and any folder given."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
from pathlib import Path

from bench.detection.attacks import attacks
from bench.detection.tally import Case


def attack_cases(folder: Path) -> list[Case]:
    """Write every generated attack below *folder*."""
    shutil.rmtree(folder, ignore_errors=True)
    cases = []
    for attack in attacks():
        path = folder / attack.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(attack.content)
        name = f"{attack.gadget} by {attack.shape} in {attack.container}"
        group = "live attack" if attack.live else "dormant attack"
        cases.append(Case(path=str(path), group=group, sweep=attack.sweep, name=name))
    return cases


def benign_cases(folder: Path, python: str) -> tuple[list[Case], list[str]]:
    """Let the libraries that *python* has write their files below *folder*; and the libraries it lacks."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script = Path(__file__).with_name("benign.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [python, str(script), str(folder)], capture_output=True, text=True, check=False, timeout=600, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"the libraries of {python} did not write their files:\n{done.stderr}")
    cases, missing = [], []
    for line in done.stdout.splitlines():
        kind, _, rest = line.partition("\t")
        if kind == "#":
            missing.append(rest)
        elif rest:
            name = Path(rest).name
            cases.append(Case(path=rest, group=f"benign {kind}", sweep=name.partition("-")[0], name=name))
    return cases, missing


def folder_cases(folder: Path) -> list[Case]:
    """A folder's files, by its ``manifest.tsv`` (path, label, tier, class) if it has one."""
    manifest = folder / "manifest.tsv"
    if not manifest.exists():
        return [
            Case(path=str(path), group=folder.name, sweep=folder.name, name=str(path.relative_to(folder)))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Case(path=str(folder / row["path"]), group=_group(row), sweep=row.get("source", ""), name=row["path"])
        for row in rows
    ]


def _group(row: dict[str, str]) -> str:
    match row["label"]:
        case "malicious":
            return "live attack of the folder" if row.get("tier", "1") == "1" else "dormant attack of the folder"
        case "benign":
            return f"benign {row.get('class', 'plain')} of the folder"
        case label:
            return f"{label} of the folder"
