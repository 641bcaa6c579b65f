"""``picklewatch quarantine``, as it is typed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.commands import Commands
from support.vaulting import CONTENT, SHA256, Lab, lab

from picklewatch import cli
from picklewatch.cli import vault_access
from picklewatch.core.errors import QuarantineError
from picklewatch.core.tombstone import tombstone
from picklewatch.explain import quarantine_text
from picklewatch.quarantine.vault import Item, State, Vault
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Shell:
    """Types commands; what they wrote is in `out` and `err`."""

    def __init__(self, made: Lab, capsys: pytest.CaptureFixture[str]) -> None:
        self.made = made
        self._capsys = capsys
        self.out = self.err = ""

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.made.store.parent

    def __call__(self, *words: str) -> int:
        """Run ``picklewatch quarantine`` and return its exit status."""
        status = cli.invoke(["quarantine", *words, "--state-dir", str(self.state)])
        self.out, self.err = self._capsys.readouterr()
        assert "Traceback" not in self.err
        return status

    def json(self, *words: str) -> list[dict[str, object]]:
        """Run a command with ``--json``; return its objects."""
        assert self(*words, "--json") == 0, self.err
        return [json.loads(line) for line in self.out.splitlines()]

    def take(self, name: str) -> Item:
        """Put a hostile file into quarantine."""
        self.made.relative = name
        self.made.put()
        return self.made.quarantine()


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """Give a shell with an empty state, no configuration and no terminal."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    monkeypatch.setattr("picklewatch.config.sources.anything_configured", lambda: False)
    with lab() as made:
        made.store = made.base / "state" / "quarantine"
        yield Shell(made, capsys)


def test_nothing_yet(shell: Shell) -> None:
    """Before anything was moved, listing says so, makes nothing, and the rest tells where else to look."""
    assert shell("list") == 0
    assert shell.out == "Nothing is in quarantine.\n"
    assert shell.json("list") == []
    assert shell("show", "3f2a") == 2
    assert "hint: " in shell.err
    assert shell("purge", "--older-than", "1d", "--yes") == 0
    assert not shell.state.exists()


def test_list_and_show(shell: Shell) -> None:
    """The table has what a person needs; an id may be shortened; JSON is one object a line."""
    first, second = shell.take("a.bin"), shell.take("b\n\x1b[31m.bin")
    assert shell("list") == 0
    lines = shell.out.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", first.id, second.id, "2"]
    assert re.search(r"malicious +1\.0 kB +org/model@main: model\.bin$", lines[1])
    assert [told["id"] for told in shell.json("list")] == [first.id, second.id]
    assert shell("show", second.id[:6].upper()) == 0
    assert r"b\x0a\x1b[31m.bin" in shell.out
    assert "\x1b" not in shell.out
    assert f"picklewatch quarantine restore {second.id}" in shell.out
    (told,) = shell.json("show", first.id)
    assert told["content"] == str(shell.made.store / first.id / "data")


def test_an_item_is_found_by_what_was_shown(shell: Shell) -> None:
    """By the path that the file had and by the name, as they were printed; a name of two items is none."""
    first = shell.take("a\x1b.bin")
    for words in (first.path, f"{shell.made.root}/a\\x1b.bin", "org/model@main: model.bin"):
        assert [told["id"] for told in shell.json("show", words)] == [first.id]
    shell.take("b.bin")
    assert shell("show", "org/model@main: model.bin") == 2
    assert first.id in shell.err


def test_explaining_a_tombstone_names_its_item(shell: Shell) -> None:
    """Who asks about the file that refuses to load is told which item to look at."""
    item = shell.take("a.bin")
    explained = Commands(shell.made.base)("explain", "--json", shell.made.path)
    assert explained.returncode == 0, explained.stderr
    assert json.loads(explained.stdout)["advice"][0]["command"] == f"picklewatch quarantine show {item.id}"


def test_restore_allows_the_content(shell: Shell) -> None:
    """The daemon's store knows the digest with the reason before the file is back."""
    item = shell.take("a.bin")
    assert shell("restore", item.id, "--yes", "--reason", "ours") == 0
    assert shell.out == f"{item.id} was restored to {shell.made.path}\n"
    assert shell.made.path.read_bytes() == CONTENT
    store = Store(shell.state)
    try:
        assert store.allowed.all() == {SHA256: "ours"}
    finally:
        store.close()
    assert shell("list") == 0
    assert shell.out == "Nothing is in quarantine.\n"
    assert shell("list", "--all") == 0
    assert "restored" in shell.out
    assert shell("show", item.id) == 0
    assert "its content is allowed: ours" in shell.out


def test_restore_a_copy_to_look_at(shell: Shell) -> None:
    """With --to and --no-allow, nothing is vouched for, and the item and its tombstone stay."""
    item = shell.take("a.bin")
    assert shell("restore", item.id, "--no-allow", "--yes") == 2
    assert "--no-allow needs --to" in shell.err
    sample = shell.made.base / "sample"
    assert shell("restore", item.id, "--to", str(sample), "--no-allow", "--yes") == 0
    assert sample.read_bytes() == CONTENT
    assert shell.made.path.read_bytes() == tombstone(item.id)
    assert not (shell.state / "picklewatch.db").exists()
    assert shell.out == f"{item.id} was copied to {sample}\n"
    assert shell("show", item.id) == 0
    assert f"a copy was made at {sample}" in shell.out


def test_nothing_happens_without_a_yes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal --yes is needed; at a terminal the answer counts."""
    item = shell.take("a.bin")
    for words in (["restore", item.id], ["delete", item.id], ["purge", "--max-items", "0"]):
        assert shell(*words) == 2
        assert "--yes" in shell.err
    monkeypatch.setattr("sys.stdin", _Terminal("n\n"))
    assert shell("delete", item.id) == 130
    assert "malicious (dangerous-import)" in shell.err
    monkeypatch.setattr("sys.stdin", _Terminal("y\n"))
    assert shell("delete", item.id) == 0
    assert not shell.made.path.exists()


class _Terminal:
    """Somebody who types."""

    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        """Say that it is one."""
        return True

    def readline(self, size: int = -1) -> str:
        """Return what was typed."""
        text, self._text = self._text, ""
        return text


def test_purge(shell: Shell) -> None:
    """A dry run lists; bounds are checked; tombstones stay unless told otherwise."""
    items = [shell.take(f"{index}.bin") for index in range(3)]
    assert shell("purge") == 2
    assert shell("purge", "--max-size", "many") == 2
    assert "'many' is no size" in shell.err
    assert shell("purge", "--max-items", "1", "-n") == 0
    assert "2 items, 2.0 kB would be deleted" in shell.out
    assert [told["id"] for told in shell.json("purge", "--max-items", "1", "-n")] == [item.id for item in items[:2]]
    assert [told["state"] for told in shell.json("purge", "--max-size", "1kB", "-y")] == ["deleted", "deleted"]
    assert (shell.made.root / "0.bin").read_bytes() == tombstone(items[0].id)
    assert shell("purge", "--max-items", "0", "--remove-tombstones", "-y") == 0
    assert not (shell.made.root / "2.bin").exists()
    (shell.made.root / "0.bin").unlink()  # then nothing names the item any more
    assert shell("purge", "--older-than", "0s", "-n") == 0
    assert shell.out == "0 items, 0 B would be deleted\n2 of the history would be forgotten\n"
    assert shell("purge", "--older-than", "0s", "-y") == 0
    assert [told["id"] for told in shell.json("list", "--all")] == [items[1].id]


def test_purge_deletes_what_was_shown(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An item taken, restored or deleted while the question waited for its answer is left alone."""
    items = [shell.take(f"{index}.bin") for index in range(4)]

    class Slow(_Terminal):
        def readline(self, size: int = -1) -> str:
            with Vault(shell.made.store) as vault:
                vault.restore(items[0].id, shell.made.allow)
                vault.removal.delete(items[1].id)
            items.append(shell.take("4.bin"))
            return super().readline(size)

    shell.made.relative = "0.bin"
    monkeypatch.setattr("sys.stdin", Slow("y\n"))
    assert shell("purge", "--max-items", "1") == 0
    assert "1 item, 1.0 kB were deleted" in shell.out
    assert [told["id"] for told in shell.json("list")] == [item.id for item in items[3:]]
    assert (shell.made.root / "0.bin").read_bytes() == CONTENT


def test_what_is_refused_keeps_no_other_from_it(shell: Shell) -> None:
    """Of several ids, each is done or said; the exit status tells that not all were."""
    item = shell.take("a.bin")
    assert shell("delete", "0123", item.id, "--yes") == 2
    assert shell.out == f"{item.id} was deleted\n"
    assert "there is no quarantined item 0123" in shell.err


def test_keep_tombstone(shell: Shell) -> None:
    """Deleting can leave it, and says so."""
    item = shell.take("a.bin")
    assert shell("delete", item.id, "--yes", "--keep-tombstone") == 0
    assert "its tombstone stays" in shell.out
    assert shell.made.path.read_bytes() == tombstone(item.id)


def test_prefixes(shell: Shell) -> None:
    """A prefix of several ids is refused with the candidates; what is in quarantine goes before history."""
    item = shell.take("a.bin")

    def made(item_id: str, state: State) -> Item:
        return replace(item, id=item_id, state=state)

    held, held_too = made("aa0000000000", State.QUARANTINED), made("aa1111111111", State.QUARANTINED)
    gone = made("aa2222222222", State.DELETED)
    with pytest.raises(QuarantineError, match="aa0000000000, aa1111111111"):
        vault_access.find([held, held_too, gone], "aa")
    assert vault_access.find([held, gone], "aa") is held
    assert vault_access.find([held, gone], "aa2") is gone
    with pytest.raises(QuarantineError, match="no quarantined item"):
        vault_access.find([held], "")


def test_store_of_the_configuration(shell: Shell, tmp_path: Path) -> None:
    """The configuration says where the store is."""
    elsewhere = tmp_path / "vault"
    elsewhere.mkdir(mode=0o700)
    shell.made.store = elsewhere
    item = shell.take("a.bin")
    settings = tmp_path / "config.toml"
    settings.write_text(f'[quarantine]\nstore = "{elsewhere}"\n')
    status = cli.invoke(["quarantine", "show", item.id, "-c", str(settings)])
    assert status == 0


def test_a_store_that_is_not_ours_alone(shell: Shell) -> None:
    """Others could have put things there: exit status 78, with what to do."""
    shell.made.store.mkdir(parents=True)
    shell.made.store.chmod(0o755)
    assert shell("list") == 78
    assert "mode 0700" in shell.err


def test_every_note_is_shown(shell: Shell) -> None:
    """Hard links, repetition, foreign and unlocked items are explained."""
    item = shell.take("a.bin")
    odd = replace(item, links=2, locked=False, times=3, note="a note\n", names=("x\n",), sha256=None)
    told = "\n".join(quarantine_text.details(odd, colour=False, data="/d", owner="o\n", now=item.taken + 90000))
    for part in (
        "2 hard links remain",
        "taken 3 times",
        r"a note\x0a",
        "still belongs to its owner",
        "1 day ago",
        r"x\x0a",
    ):
        assert part in told
    copied = "\n".join(
        quarantine_text.details(replace(odd, copied=True), colour=True, data=None, owner="o", now=item.taken)
    )
    assert "old file system" in copied
    foreign = replace(item, state=State.FOREIGN, target="/x")
    assert "--to PATH" in "\n".join(
        quarantine_text.details(foreign, colour=False, data="/d", owner="o", now=item.taken)
    )
    restored = replace(item, state=State.RESTORED, target="/x\n")
    assert r"restored to /x\x0a" in "\n".join(
        quarantine_text.details(restored, colour=False, data=None, owner="o", now=0)
    )


def test_vault_stays_shut_for_readers(shell: Shell) -> None:
    """Listing needs no lock: it works while somebody holds it."""
    shell.take("a.bin")
    with Vault(shell.made.store) as vault, vault._operation("held"):
        assert shell("list") == 0
