"""Which finds the daemon tells whom, and what it knows of the notifiers."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import make_record

from picklewatch.config.schema import SocketConfig
from picklewatch.core.model import FileId, Verdict
from picklewatch.ipc.messages import Answerer, NewsAnswer, NewsRequest, SinkReport
from picklewatch.ipc.peers import Peer
from picklewatch.quarantine.item import item_of
from picklewatch.service.new_finds import SILENT_SECONDS, NewFinds, Notifiers
from picklewatch.service.viewers import Viewer, Viewers
from picklewatch.store import Store
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.quarantine.item import Item

ADA, MALLORY = 12346, 12345
BY = Answerer(version="1", whole=False)
WANTED = (Verdict.UNSAFE, Verdict.MALICIOUS)
ITEM = "0" * 12


class Daemon:
    """A store, a vault's items, and what is answered of them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.items: list[Item] = []
        self.health = Health()
        self.notifiers = Notifiers(self.health)
        self._answer = NewFinds(store, lambda: self.items, self.notifiers)

    def put(self, path: str, number: int, *, moving: bool = False) -> None:
        """Record a malicious file."""
        record = make_record(path, FileId(1, number, 1, 1, 1), Verdict.MALICIOUS)
        self.store.finish(None, record, quarantine=moving)

    def ask(self, viewer: Viewer, after: int = 0, sinks: tuple[SinkReport, ...] = ()) -> NewsAnswer:
        """Ask what is new behind *after*."""
        store = self.store.identity()
        return self._answer(viewer, NewsRequest(verdicts=WANTED, after=after, store=store, sinks=sinks), BY)

    def told(self, viewer: Viewer) -> list[str]:
        """The paths of all finds that *viewer* is told of."""
        return [find.path for find in self.ask(viewer).finds]


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """One that found nothing yet."""
    with closing(Store(tmp_path)) as store:
        yield Daemon(store)


def test_each_is_told_of_their_own(daemon: Daemon) -> None:
    """Root, and the user that passes finds on, of everything; others of what lies in their home."""
    daemon.put("/home/ada/m.pt", 1)
    daemon.put("/home/mallory/m.pt", 2)
    assert daemon.told(Viewer(uid=0, whole=True)) == daemon.told(Viewer(uid=7, hears=True))
    assert daemon.told(Viewer(uid=7, hears=True)) == ["/home/ada/m.pt", "/home/mallory/m.pt"]
    ada = daemon.ask(Viewer(uid=ADA, homes=("/home/ada",)))
    assert [find.path for find in ada.finds] == ["/home/ada/m.pt"]
    assert ada.upto == 2
    assert daemon.told(Viewer(uid=-1)) == []


def test_a_file_elsewhere_is_its_owners(daemon: Daemon, tmp_path: Path) -> None:
    """By the kernel while it lies there, by the vault once it was moved."""
    file = tmp_path / "model.pt"
    file.write_bytes(b"x")
    me = os.geteuid()
    daemon.store.finish(None, make_record(str(file), FileId.of(file.stat()), Verdict.MALICIOUS), quarantine=True)
    assert daemon.told(Viewer(uid=me)) == [str(file)]
    assert daemon.told(Viewer(uid=ADA)) == []
    file.unlink()
    (intent,) = daemon.store.intents.wanted()
    daemon.store.intents.done(intent.id, ITEM, FileId(1, 1, 1, 1, 1))
    daemon.items.append(replace(item_of(ITEM, {}), uid=me, root=str(tmp_path), relative="model.pt"))
    assert daemon.told(Viewer(uid=me)) == [str(file)]
    assert daemon.told(Viewer(uid=ADA)) == []


def test_a_file_that_is_being_moved_is_waited_for(daemon: Daemon) -> None:
    """Nobody can say whose it was until the vault can: what is behind it is not passed over either."""
    daemon.put("/srv/moving.pt", 1, moving=True)
    daemon.put("/home/ada/m.pt", 2)
    ada = Viewer(uid=ADA, homes=("/home/ada",))
    assert daemon.ask(ada).upto == 0
    (intent,) = daemon.store.intents.wanted()
    daemon.store.intents.done(intent.id, ITEM, FileId(1, 1, 1, 1, 1))
    daemon.items.append(replace(item_of(ITEM, {}), uid=ADA, root="/srv", relative="moving.pt"))
    assert daemon.told(ada) == ["/srv/moving.pt", "/home/ada/m.pt"]


def test_somebody_with_another_store_is_told_of_the_last_day(daemon: Daemon) -> None:
    """Whatever number they know: it is of a database that is no more."""
    daemon.put("/home/ada/m.pt", 1)
    request = NewsRequest(verdicts=WANTED, after=99, store="another")
    answer = NewFinds(daemon.store, list, daemon.notifiers)(Viewer(uid=0, whole=True), request, BY)
    assert len(answer.finds) == 1
    assert answer.store == daemon.store.identity()
    daemon.store._database.query("UPDATE records SET at = at - 100000")
    answer = NewFinds(daemon.store, list, daemon.notifiers)(Viewer(uid=0, whole=True), request, BY)
    assert (answer.finds, answer.upto) == ((), 1)


def test_long_texts_are_cut_and_an_answer_has_an_end(daemon: Daemon) -> None:
    """Paths are somebody else's words: they fit into an answer, however many."""
    for number in range(60):
        daemon.put(f"/home/ada/{number}/" + "é" * 4_090, number)
    answer = daemon.ask(Viewer(uid=0, whole=True))
    assert answer.more
    assert 0 < len(answer.finds) < 60
    rest = daemon.ask(Viewer(uid=0, whole=True), answer.upto)
    assert answer.finds[-1].id + 1 == rest.finds[0].id


def test_the_notifiers_user_is_told_of_everything_and_may_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the network; without such a user nobody is one."""
    import pwd

    entry = pwd.struct_passwd(("picklewatch-notify", "x", 997, 997, "", "/", "/"))
    known = {"picklewatch-notify": entry}
    monkeypatch.setattr("pwd.getpwnam", lambda name: known[name])
    viewer = Viewers(lambda: SocketConfig(users_may=("restore",)))(Peer(997, frozenset({997}), 1))
    assert viewer == Viewer(uid=997, hears=True)
    assert not viewer.sees_path("/home/ada/m.pt")
    known.clear()
    assert not Viewers(SocketConfig)(Peer(997, frozenset({997}), 1)).hears


def test_a_sink_that_fails_is_a_problem_until_it_works(daemon: Daemon) -> None:
    """Believed of those alone who are told of everything."""
    failing = (SinkReport(name="command", waiting=3, failure="it ended with status 1", since=1.0),)
    daemon.ask(Viewer(uid=ADA), sinks=failing)
    daemon.notifiers.look_after(1.0, is_wanted=False)
    assert not daemon.health.problems
    daemon.ask(Viewer(uid=7, hears=True), sinks=failing)
    daemon.notifiers.look_after(1.0, is_wanted=True)
    (problem,) = daemon.health.problems
    assert (problem.what, problem.subject) == ("notify-failing", "command")
    assert [(sink["name"], sink["waiting"]) for sink in daemon.notifiers.reports()] == [("command", 3)]
    daemon.ask(Viewer(uid=7, hears=True), sinks=(SinkReport(name="command"),))
    daemon.notifiers.look_after(2.0, is_wanted=True)
    assert not daemon.health.problems


def test_nobody_who_asks_is_a_problem_if_somebody_is_to_be_told() -> None:
    """After a minute, from the start on and from the last question on."""
    health = Health()
    notifiers = Notifiers(health)
    notifiers.look_after(0.0, is_wanted=True)
    notifiers.look_after(SILENT_SECONDS - 1, is_wanted=True)
    assert not health.problems
    notifiers.look_after(SILENT_SECONDS, is_wanted=True)
    assert [problem.what for problem in health.problems] == ["notify-silent"]
    notifiers.note(7, (SinkReport(name="command"),), SILENT_SECONDS)
    notifiers.look_after(SILENT_SECONDS + 1, is_wanted=True)
    assert not health.problems
    notifiers.look_after(2 * SILENT_SECONDS, is_wanted=True)
    notifiers.look_after(3 * SILENT_SECONDS, is_wanted=True)
    assert [problem.what for problem in health.problems] == ["notify-silent"]
    notifiers.look_after(4 * SILENT_SECONDS, is_wanted=False)
    assert not health.problems
