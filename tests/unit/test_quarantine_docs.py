"""docs/quarantine.md says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from support.vaulting import lab

from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine.item import State

PAGE = (Path(__file__).parents[2] / "docs/quarantine.md").read_text()


def test_every_key_and_state_is_explained() -> None:
    """The table of an item's JSON has all keys, and no others; every state is named."""
    with lab() as made:
        keys = {*made.quarantine().to_json(), "content"}
    table = PAGE.split("## One item as JSON")[1].split("## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert {key for row in rows for key in re.findall(r"`(\w+)`", row)} == keys
    assert all(f"`{state.value}`" in table for state in State)


def test_the_tombstone_says_what_the_page_says() -> None:
    """The message in the page is the message."""
    module = tombstone("1d3c72ee3874").split(b"\n")[0].partition(b"c")[2].decode()
    assert f"No module named '{module}'" in PAGE
