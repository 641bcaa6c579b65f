"""Killed, or failed by the system, at every step that changes something: nothing is lost, doubled or left about."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from typing import TYPE_CHECKING

import pytest
from support import quarantine_steps
from support.vaulting import CONTENT, Lab, Steps, dies, file_system, lab, needs_two

from picklewatch.core.errors import QuarantineError
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine import copying
from picklewatch.quarantine.vault import State, UnfinishedError, Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from picklewatch.quarantine.place import Place

ACROSS = "two file systems"
KINDS = ["plain", "no-exchange", "links-only", "other-mount", "other-mount no-exchange"]
ACTS = ["quarantine", "quarantine without tombstone", "quarantine again", "restore", "restore elsewhere", "delete"]
ACTS += ["delete keeping the tombstone", "restore without tombstone"]
ACTS += ["quarantine linked", "restore linked", "restore linked elsewhere", "delete linked", "sample", "purge"]
EARLY = ["take, then finish", "restore early", "delete early"]
"""Acts on a file that has lost its name, and whose content is not in the vault yet."""
APART = ["other-mount", "other-mount no-exchange"]
CASES = [(act, kind) for kind in KINDS for act in ACTS] + [(act, kind) for kind in APART for act in EARLY]
CASES_OF_KILL = [*CASES, *(pytest.param(act, ACROSS, marks=needs_two) for act in [*ACTS, *EARLY])]


def prepare(made: Lab, act: str) -> Callable[[], object]:
    """Bring the laboratory to where *act* begins; return the act."""
    with_tombstone = "without" not in act
    if act in EARLY:
        return prepare_early(made, act)
    if "linked" in act:
        made.other.hardlink_to(made.path)
    if act.startswith("quarantine"):
        if act == "quarantine again":
            made.quarantine()
            made.path.unlink()
            made.put()
        return lambda: made.quarantine(tombstone=with_tombstone)
    item = made.quarantine(tombstone=with_tombstone)
    if act == "purge":
        made.relative = "second"
        made.put()
        made.quarantine()

    def run() -> None:
        with Vault(made.store) as vault:
            if act == "purge":
                vault.removal.purge(max_items=0)
            elif act.startswith("delete"):
                vault.removal.delete(item.id, keep_tombstone="keeping" in act)
            elif act == "sample":
                vault.restore(item.id, None, to=made.root / "given")
            else:
                vault.restore(item.id, made.allow, to=made.root / "given" if "elsewhere" in act else None)

    return run


def prepare_early(made: Lab, act: str) -> Callable[[], object]:
    """Do the same for an act on a file whose content comes later."""
    if act == "take, then finish":
        return lambda: finish(made, take(made))
    item_id = take(made)

    def run() -> None:
        with Vault(made.store) as vault, full_for_content():
            if act == "delete early":
                vault.removal.delete(item_id)
            else:
                vault.restore(item_id, made.allow)

    return run


def take(made: Lab) -> str:
    """Take its name from the hostile file; the content is to follow."""
    with made.suspect() as suspect, Vault(made.store) as vault, vault.take(suspect) as taking:
        return taking.put_off().id


def finish(made: Lab, item_id: str) -> None:
    """Let the content follow."""
    with Vault(made.store) as vault:
        vault.finish(item_id)


@contextlib.contextmanager
def full_for_content() -> Iterator[None]:
    """Let the vault have no room for a content, but for journals."""
    real = copying.copy

    def full(source: int, target: Place, size: int) -> str:
        del source, target, size
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    copying.copy = full
    try:
        yield
    finally:
        copying.copy = real


def steps_of(act: str, kind: str = "plain") -> list[str]:
    """Return the names of the steps of *act* that change something."""
    with lab(cross=kind == ACROSS) as made:
        run = prepare(made, act)
        steps = Steps()
        quarantine_steps.observer, before = steps, quarantine_steps.observer
        try:
            run()
        finally:
            quarantine_steps.observer = before
        return steps.names


def check(made: Lab, act: str) -> None:
    """Assert the law: exactly one copy of the content, and the books agree with it."""
    made.check_books(replaced=act == "quarantine again")
    held = [item for item in made.items() if item.state is State.QUARANTINED]
    given = [path for path, content in made.watched_files().items() if content == CONTENT]
    if "linked" in act and any(item.disarmed for item in made.items()):
        item = made.items()[0]
        expected = CONTENT if item.state is State.RESTORED else tombstone(item.id)
        assert made.other.read_bytes() == expected
    elif "linked" in act:
        assert made.other.read_bytes() == CONTENT
    copies = len(held) + len(given)
    assert copies == made.copies()
    if act == "purge":
        assert not given
    elif act == "sample":
        assert len(held) == 1
        assert len(given) <= 1
    elif act.startswith("delete"):
        assert copies <= 1
        assert copies == 1 or made.items()[0].state is State.DELETED
    elif act == "quarantine again":
        assert 1 <= copies <= 2  # until the former copy is let go
        assert held
    else:
        assert copies == 1


@pytest.mark.parametrize(("act", "kind"), CASES_OF_KILL)
def test_killed_at_every_step(act: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a kill at any step, recovery leaves exactly one truth; a second recovery finds nothing to do."""
    file_system(monkeypatch, kind)
    names = steps_of(act, kind)
    assert len(names) > 3
    for at in range(len(names)):
        with lab(cross=kind == ACROSS) as made:
            assert dies(prepare(made, act), at, really=kind == "plain")
            if kind == "plain" and act == "quarantine":
                assert made.path.exists(), "the path was absent for a moment"
            with Vault(made.store) as vault:
                vault.recover()
                assert vault.recover() == []
            check(made, act)


@pytest.mark.parametrize(("act", "kind"), CASES)
def test_what_is_written_is_on_disk_before_anything_else_happens(
    act: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut drops what was not synced: no step relies on such a write, no line of a journal on such a name."""
    file_system(monkeypatch, kind)
    names = [name for name in steps_of(act) if name not in {"allocate", "truncate", "lock_down", "dress"}]
    for step, following in itertools.pairwise(names):
        assert step != "write" or following in {"write", "sync"}, names
        if step in {"exchange", "move", "move: linked"} and "other-mount" not in kind:  # there, some only fail
            assert following != "write", names


@pytest.mark.parametrize(
    ("number", "lasting"), [(errno.ENOSPC, "once"), (errno.EIO, "from then on")], ids=["full", "broken"]
)
@pytest.mark.parametrize(("act", "kind"), CASES)
def test_failed_at_every_step(
    act: str,
    kind: str,
    number: int,
    lasting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """When the system refuses a step, it is undone or ended at once; an error means that nothing was changed."""
    file_system(monkeypatch, kind)

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    for at in range(len(steps_of(act))):
        with lab() as made:
            run = prepare(made, act)
            before = made.watched_files(), [(item.id, item.state) for item in made.items()]
            refused = unfinished = False
            monkeypatch.setattr(quarantine_steps, "observer", Steps(at, fail, forever=lasting != "once"))
            try:
                run()
            except UnfinishedError:
                unfinished = True
            except QuarantineError:
                refused = True
            monkeypatch.setattr(quarantine_steps, "observer", quarantine_steps.nothing)
            with Vault(made.store) as vault:
                recovered = vault.recover()
                assert vault.recover() == []
            assert unfinished or lasting != "once" or recovered == [] or act in EARLY, recovered
            # a purge may have deleted another item before; a copy to look at stays if it is whole
            if refused and lasting == "once" and act not in {"purge", "sample", *EARLY}:
                assert before == (made.watched_files(), [(item.id, item.state) for item in made.items()])
            check(made, act)


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        ("quarantine linked", "plain"),
        ("restore linked", "plain"),
        ("quarantine", "other-mount"),
        ("restore", "other-mount"),
        ("delete", "links-only"),
    ],
)
def test_killed_while_recovering(act: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any step, and then, again and again, at each further step of recovering: it ends well."""
    file_system(monkeypatch, kind)
    for at in range(len(steps_of(act))):
        with lab() as made:
            assert dies(prepare(made, act), at, really=False)

            def recover(made: Lab = made) -> None:
                with Vault(made.store) as vault:
                    vault.recover()

            assert any(not dies(recover, again, really=act == "delete") for again in range(100))
            with Vault(made.store) as vault:
                assert vault.recover() == []
            check(made, act)
