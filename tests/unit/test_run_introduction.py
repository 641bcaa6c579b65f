"""The daemon's introduction."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from support.watching import PATIENCE

from picklewatch.cli.run import introduction
from picklewatch.config.schema import Config
from picklewatch.watch.roots import Root, RootFinder, Sight, find, look_at

if TYPE_CHECKING:
    from pathlib import Path


def test_a_server_that_does_not_answer_holds_up_nothing(tmp_path: Path) -> None:
    """Its directory is named with the reason."""
    answered = threading.Event()

    def look(root: Root) -> Sight:
        if root.wanted == "/srv/dead":
            answered.wait(PATIENCE)
        return look_at(root)

    roots = (Root("/srv/dead", "watch.roots"), Root(str(tmp_path), "watch.roots"))
    find(roots, RootFinder(look, patience=0.2))
    lines = introduction(Config(), roots, tmp_path)
    answered.set()
    assert lines[:3] == [
        "picklewatch watches:",
        f"  {tmp_path}  (watch.roots)",
        "  not /srv/dead: looking at it takes too long",
    ]


def test_more_than_a_few_missing_directories_are_a_number(tmp_path: Path) -> None:
    """The command that lists them all is named."""
    roots = tuple(Root(f"{tmp_path}/{number}", "watch.roots") for number in range(10))
    lines = introduction(Config(), roots, tmp_path)
    assert lines[1] == "  nothing yet: none of the directories exists"
    assert lines[6] == "  … and 7 more (`picklewatch status --json` lists them)"


def test_the_file_to_change_is_the_one_that_is_read(tmp_path: Path) -> None:
    """Somebody who gave --config would change another one in vain."""
    for level in ("off", "unsafe"):
        config = Config.model_validate({"quarantine": {"level": level}})
        lines = introduction(config, (), tmp_path, tmp_path / "my.toml")
        assert f"in {tmp_path / 'my.toml'}, and start it again." in lines[-2]
