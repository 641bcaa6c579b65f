"""docs/pytorch-check.md shows what the command prints; ``python tests/integration/test_views_docs.py`` renews it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from samples.coming_from_pytorch_check import make  # noqa: E402 - run as a program, this file brings its own path
from support.directories import open_directory  # noqa: E402

PAGE = ROOT / "docs/pytorch-check.md"
BLOCK = re.compile(r"\$ picklewatch (?P<arguments>.*); echo \$\?\n(?P<output>(?:(?!```).*\n)*)")


def output(arguments: str, folder: Path) -> str:
    """Run the command in *folder*; give what it prints, its status last, with the page's name for the folder."""
    command = [sys.executable, "-m", "picklewatch", *shlex.split(arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=_environment())
    return f"{done.stdout}{done.stderr}{done.returncode}\n".replace(str(folder), "/models")


def _environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}


def test_the_page_shows_what_the_command_prints() -> None:
    """Every block of picklewatch's in the page is its real output on the page's samples."""
    blocks = list(BLOCK.finditer(PAGE.read_text(encoding="utf-8")))
    assert len(blocks) >= 5
    with open_directory() as folder:  # one whose name a shell takes without quotes
        make(folder)
        for block in blocks:
            assert output(block["arguments"], folder) == block["output"], (
                "renew it: python tests/integration/test_views_docs.py"
            )


def renew() -> None:
    """Write the present output into the page."""
    with open_directory() as folder:
        make(folder)

        def block(match: re.Match[str]) -> str:
            return f"$ picklewatch {match['arguments']}; echo $?\n{output(match['arguments'], folder)}"

        PAGE.write_text(BLOCK.sub(block, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    renew()
