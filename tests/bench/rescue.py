"""``python tests/bench/rescue.py [FOLDER]``: what a rescue of a checkpoint of 2 GiB costs, beside ``cp`` and ``sync``.

Prints wall clock, the ratio to the copy, and the peak memory; the best of three. Needs 7 GiB in FOLDER, or in the
directory for temporary files. The last row has its tensors transposed: all of it has to be put in order.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from samples import opcodes as op

from bench import measure

_SIDE, _TENSORS = 1_024, 512
_TRIES = 3
_MEBI = 1 << 20


def _checkpoint(path: Path, *, transposed: bool) -> None:
    """Write a state_dict of 2 GiB of random numbers, as an archive like torch's."""
    stride = (1, _SIDE) if transposed else (_SIDE, 1)
    tensors = {
        f"layer{number}.weight": op.tensor(
            op.storage(str(number), _SIDE * _SIDE), op.sizes(_SIDE, _SIDE), op.sizes(*stride)
        )
        for number in range(_TENSORS)
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", op.pickle(2, op.dict_(**tensors)))
        for number in range(_TENSORS):
            archive.writestr(f"archive/data/{number}", os.urandom(4 * _SIDE * _SIDE))
        archive.writestr("archive/version", b"3\n")


def _best(command: list[str], target: Path) -> measure.Cost:
    costs = []
    for _ in range(_TRIES):
        target.unlink(missing_ok=True)
        os.sync()
        costs.append(measure.run(command))
        assert costs[-1].status == 0, costs[-1].stderr.decode()
    target.unlink(missing_ok=True)
    return min(costs, key=lambda cost: cost.wall)


def main() -> None:
    """Write the files, and print one line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix="rescue-", dir=parser.parse_args().folder))
    ours = [sys.executable, "-I", "-m", "picklewatch", "rescue"]
    source, transposed, copy = folder / "big.pt", folder / "transposed.pt", folder / "copy.pt"
    try:
        _checkpoint(source, transposed=False)
        copied = _best(["sh", "-c", 'cp "$0" "$1" && sync "$1"', str(source), str(copy)], copy)
        print("command | s | times cp | peak MiB")
        print(f"cp, sync | {copied.wall:.1f} | 1.0 | {copied.peak // _MEBI}", flush=True)
        for name in ("out.safetensors", "out.pt"):
            cost = _best([*ours, str(source), str(folder / name)], folder / name)
            print(f"rescue {name} | {cost.wall:.1f} | {cost.wall / copied.wall:.1f} | {cost.peak // _MEBI}", flush=True)
        _checkpoint(transposed, transposed=True)
        cost = _best([*ours, str(transposed), str(folder / "out.safetensors")], folder / "out.safetensors")
        print(f"rescue, transposed | {cost.wall:.1f} | {cost.wall / copied.wall:.1f} | {cost.peak // _MEBI}")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
