"""The directory that docs/pytorch-check.md shows both tools on: ``python -m samples.coming_from_pytorch_check DIR``."""

from __future__ import annotations

import sys
from pathlib import Path

from samples import hostile
from samples.torch_checkpoint import checkpoint, torch_zip


def make(folder: Path) -> None:
    """Write one good and four hostile files (they would run ``echo``) into *folder*."""
    (folder / "good.pt").write_bytes(checkpoint({"weight": [1.0, 2.0]}))
    (folder / "evil.pt").write_bytes(torch_zip(hostile.EVIL))
    (folder / "pytorch_model.bin").write_bytes(torch_zip(hostile.EVIL))
    (folder / "evil.pkl").write_bytes(hostile.EVIL)
    (folder / "stacked.pkl").write_bytes(hostile.BENIGN + hostile.EVIL)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
