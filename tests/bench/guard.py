"""What guard mode holds, and what it costs: ``python tests/bench/guard.py [--busy N] [--tries N] FOLDER``, as root.

FOLDER gets a disk image, on which alone marks are set. Arrivals are read, never loaded.
"""

from __future__ import annotations

import argparse
import functools
import json
import mmap
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from samples.torch_checkpoint import checkpoint, torch_zip
from support.guarding import Guard, Opener, children, disk

from picklewatch.sandbox import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Times = list[float]


def content(kind: str, number: int) -> bytes:
    """Return a content of which there is only one."""
    if kind == "hostile":
        return torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", {"0": number.to_bytes(64, "little")})
    return checkpoint({f"layer{each}.weight": [float(number), 1.0] for each in range(100)})


def renamed(folder: Path, data: bytes, name: str) -> Path:
    """Write under another name and rename, as torch.hub does."""
    part, path = folder / f"{name}.part", folder / name
    part.write_bytes(data)
    part.rename(path)
    return path


def plain(folder: Path, data: bytes, name: str) -> Path:
    """Write."""
    path = folder / name
    path.write_bytes(data)
    return path


def copied(folder: Path, data: bytes, name: str) -> Path:
    """Copy a folder in."""
    source = folder.parent / "outside" / name
    source.mkdir()
    (source / "model.pt").write_bytes(data)
    return Path(shutil.copytree(source, folder / name)) / "model.pt"


def moved(folder: Path, data: bytes, name: str) -> Path:
    """Move a folder in from which much was opened."""
    source = folder.parent / "outside" / name
    source.mkdir()
    (source / "model.pt").write_bytes(data)
    for _ in range(40):
        (source / "model.pt").open("rb").close()
    source.rename(folder / name)
    return folder / name / "model.pt"


def mapped(folder: Path, data: bytes, name: str) -> Path:
    """Write over a judged file through a mapping."""
    path = folder / name
    path.write_bytes(content("benign", 0).ljust(max(len(data), 20_000), b"\0"))
    path.read_bytes()
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[: len(data)] = data
    return path


WAYS: tuple[Callable[[Path, bytes, str], Path], ...] = (renamed, plain, copied, moved, mapped)


def arrivals(root: Path, tries: int, label: str) -> None:
    """Print how many arrivals of each way were read, and how long benign ones took."""
    for way in WAYS:
        counts, times = {"hostile read": 0, "hostile refused": 0, "benign read": 0, "benign refused": 0}, []
        for kind in ("hostile", "benign"):
            for number in range(tries):
                path = way(root / "models", content(kind, number), f"{label}-{way.__name__}-{kind}-{number}")
                start = time.perf_counter()
                try:
                    path.read_bytes()
                    counts[f"{kind} read"] += 1
                except PermissionError:
                    counts[f"{kind} refused"] += 1
                if kind == "benign":
                    times.append(time.perf_counter() - start)
        print(f"{label:9} {way.__name__:8} {counts}  benign {shown(times, 1e3, 'ms')}", flush=True)


def shown(times: Times, factor: float, unit: str) -> str:
    """Return the median and the 99th percentile."""
    times = sorted(times)
    return (
        f"p50 {statistics.median(times) * factor:.2f} {unit}, p99 {times[int(len(times) * 0.99)] * factor:.2f} {unit}"
    )


def opening(path: Path) -> Callable[[], None]:
    """Return what opens *path* and closes it."""
    return lambda: path.open("rb").close()


def timed(act: Callable[[], object], number: int) -> Times:
    """Return how long each of *number* calls took."""
    found = []
    for _ in range(number):
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return found


def costs(root: Path, label: str) -> None:
    """Print what opening and reading cost."""
    judged, outside = root / "models" / f"{label}-judged.pt", root / "outside" / f"{label}.bin"
    for path in (judged, outside):
        path.write_bytes(content("benign", 1))
        path.read_bytes()
    for name, path in (("judged", judged), ("outside", outside)):
        print(f"{label:9} open of a {name} file: {shown(timed(opening(path), 3000), 1e6, 'us')}")
    fd = os.open(judged, os.O_RDONLY)
    print(f"{label:9} 4 KiB read of a judged file: {shown(timed(lambda: os.pread(fd, 4096, 0), 30_000), 1e6, 'us')}")
    os.close(fd)


def first_open(root: Path, tries: int) -> None:
    """Print how much longer a first open takes than the scan alone."""
    paths = [plain(root / "models", content("benign", 1000 + number), f"first-{number}") for number in range(tries)]
    time.sleep(0.1)
    opens = [statistics.median(timed(path.read_bytes, 1)) for path in paths]
    with Scanner() as scanner:
        scans = []
        for path in paths:
            fd = os.open(path, os.O_RDONLY)
            scans += timed(functools.partial(scanner.scan, fd), 1)
            os.close(fd)
    print(f"first open of 100 tensors: {shown(opens, 1e3, 'ms')}; Scanner.scan alone: {shown(scans, 1e3, 'ms')}")


def stops(folder: Path, root: Path) -> Iterator[str]:
    """Yield how long the longest open took when something stopped."""
    path = root / "models" / "stop.pt"
    path.write_bytes(content("hostile", 7))
    for what in ("answerer", "judge", "warden", "scanners"):
        for number in (signal.SIGSTOP, signal.SIGKILL):
            with Guard(folder, root / "models", config='stall = "2s"\nmax_wait = "5s"') as guard:
                pids = {"answerer": [guard.answerer], "judge": [guard.judge], "warden": [guard.warden.pid]}
                pids["scanners"] = children(guard.judge)
                for pid in pids[what]:
                    os.kill(pid, number)
                start = time.perf_counter()
                with Opener(path) as opener:
                    result = opener.result()
                yield f"{number.name} of the {what}: {result} after {time.perf_counter() - start:.2f} s"


def at_rest(guard: Guard) -> str:
    """Return the processor time of ten seconds, and the memory of all its processes."""
    pids = [guard.warden.pid, guard.answerer, guard.judge, *guard.scanners()]
    pids += [child for pid in guard.scanners() for child in children(pid)]

    def ticks() -> int:
        return sum(sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[11:13])) for pid in pids)

    before = ticks()
    time.sleep(10)
    cpu = (ticks() - before) / os.sysconf("SC_CLK_TCK") / 10
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    pss = sum(int(line.split()[1]) for text in texts for line in text.splitlines() if line.startswith("Pss:"))
    return f"at rest: {cpu:.1%} of a processor, {pss / 1024:.0f} MB (PSS of {len(pids)} processes)"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--busy", type=int, default=0, help="busy processes beside")
    parser.add_argument("--tries", type=int, default=100)
    parser.add_argument("--no-stops", action="store_true")
    given = parser.parse_args()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(given.busy)]
    try:
        with disk(given.folder) as root:
            for name in ("models", "outside"):
                (root / name).mkdir()
            arrivals(root, given.tries, "no guard")
            costs(root, "no guard")
            with Guard(given.folder, root / "models") as guard:
                arrivals(root, given.tries, "guard")
                costs(root, "guard")
                first_open(root, given.tries)
                print(at_rest(guard), flush=True)
                guard.end()
                print(json.dumps(guard.events("guard.stopped")))
            for line in () if given.no_stops else stops(given.folder, root):
                print(line, flush=True)
    finally:
        for process in busy:
            process.kill()


if __name__ == "__main__":
    main()
