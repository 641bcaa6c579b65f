"""Answers of the daemon, by the asking user."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.vaulting import NOBODY, Lab, lab
from support.watching import make_record

from picklewatch.config.schema import SocketConfig
from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.found_record import FoundRecord
from picklewatch.core.model import FileId, Verdict
from picklewatch.ipc.codec import encode
from picklewatch.ipc.messages import (
    ALLOWED,
    ANSWER,
    ANSWERS,
    AllowancesAnswer,
    AllowancesRequest,
    AllowRequest,
    DeleteItemRequest,
    ItemAnswer,
    ItemChangedAnswer,
    ItemRequest,
    NamedRequest,
    PurgeAnswer,
    PurgeRequest,
    RecordsAnswer,
    RecordsRequest,
    RefusalCause,
    RequestRefusal,
    RescanAnswer,
    RescanRequest,
    RestoreItemRequest,
    StatusAnswer,
    StatusRequest,
)
from picklewatch.ipc.peers import Peer
from picklewatch.quarantine.vault import State, Vault
from picklewatch.service.new_finds import Notifiers
from picklewatch.service.rescans import Rescans
from picklewatch.service.responder import Responder
from picklewatch.service.viewers import Viewer, Viewers
from picklewatch.store import Store
from picklewatch.telemetry.daemon_report import DaemonStatus
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.quarantine.vault import Item

ADA, MALLORY = 12346, 12345


class Known(Viewers):
    """Users of whom it is said what they see."""

    def __init__(self, *viewers: Viewer) -> None:
        super().__init__(SocketConfig)
        self._known = {viewer.uid: viewer for viewer in viewers}

    def __call__(self, peer: Peer) -> Viewer:
        """Return it."""
        return self._known[peer.uid]


class Asked:
    """A daemon's answers about a vault with one item, which lay in ada's home."""

    def __init__(self, made: Lab) -> None:
        self.made = made
        made.put()
        made.give_away()
        self.item: Item = made.quarantine()
        self.store = Store(made.store.parent)
        self.vault = Vault(made.store)
        self.looked_at: list[str] = []
        self.notifiers = Notifiers(Health())
        self.rescans = Rescans(self.store, self.looked_at.append, self.looked_at.append)

    def __call__(self, viewer: Viewer, request: Request) -> Answer:
        """Ask as *viewer*."""
        responder = Responder(
            self.store,
            lambda: self.vault,
            lambda: SocketConfig(group="ml"),
            Known(viewer),
            self.rescans,
            self.notifiers,
        )
        return responder(Peer(viewer.uid, frozenset(), 1), request)


def received(answer: StatusAnswer) -> object:
    """The status as the client gets it."""
    return json.loads(json.dumps(answer.status))


@pytest.fixture
def asked() -> Iterator[Asked]:
    """One item."""
    with lab() as made:
        made.store.parent.mkdir(exist_ok=True)
        result = Asked(made)
        yield result
        result.vault.close()
        result.store.close()


def test_items_are_shown_to_those_whom_they_concern(asked: Asked) -> None:
    """By id, by its beginning, or all; others get what they get for an id that does not exist."""
    ada, mallory = Viewer(uid=ADA, homes=(str(asked.made.root),)), Viewer(uid=MALLORY)
    for wanted in (asked.item.id, asked.item.id[:4], ""):
        answer = asked(ada, ItemRequest(id=wanted))
        assert isinstance(answer, ItemAnswer)
        assert [item["id"] for item in answer.items] == [asked.item.id]
        assert (answer.by.group, answer.by.whole, answer.by.restores) == ("ml", False, False)
    assert asked(mallory, ItemRequest(id=asked.item.id)) == asked(mallory, ItemRequest(id="0" * 12))
    assert asked(mallory, ItemRequest()) == asked(mallory, ItemRequest(id="0" * 12))


def test_restoring_is_refused_or_done(asked: Asked) -> None:
    """Refused without the setting, and of what is not one's own; else the content is allowed first."""
    request = RestoreItemRequest(id=asked.item.id, reason="ours")
    in_home = Viewer(uid=ADA, homes=(str(asked.made.root),), restores=True)
    refused = asked(in_home, request)
    assert isinstance(refused, RequestRefusal)
    assert refused.why is RefusalCause.FORBIDDEN
    unknown = asked(Viewer(uid=MALLORY, restores=True), request)
    assert isinstance(unknown, RequestRefusal)
    assert unknown.message == f"there is no quarantined item {asked.item.id}"
    assert asked.vault.show(asked.item.id).state is State.QUARANTINED
    owner = Viewer(uid=asked.item.uid, restores=True)
    done = asked(owner, request)
    assert isinstance(done, ItemChangedAnswer)
    assert done.item["state"] == "restored"
    assert asked.made.path.read_bytes() == asked.made.content
    assert asked.item.sha256 is not None
    assert "ours" in asked.store.allowed.all()[asked.item.sha256]
    again = asked(owner, request)
    assert isinstance(again, RequestRefusal)
    assert again.why is RefusalCause.FAILED


def test_only_those_who_see_everything_may_delete(asked: Asked) -> None:
    """Not the owner, whatever the setting is: what is deleted is gone for the administrator, too."""
    request = DeleteItemRequest(id=asked.item.id)
    refused = asked(Viewer(uid=asked.item.uid, restores=True), request)
    assert isinstance(refused, RequestRefusal)
    assert refused.why is RefusalCause.FORBIDDEN
    assert asked.vault.show(asked.item.id).state is State.QUARANTINED
    done = asked(Viewer(uid=0, whole=True), request)
    assert isinstance(done, ItemChangedAnswer)
    assert asked.vault.show(asked.item.id).state is State.DELETED


def test_findings_are_shown_to_those_whom_they_concern(asked: Asked, tmp_path: Path) -> None:
    """Those below one's home that are there, newest first, as many as are wanted; all to root."""
    for number, home in enumerate(("a", "m", "a", "a")):
        path = tmp_path / home / str(number)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        asked.store.finish(None, make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS))
    wanted = RecordsRequest(verdicts=(Verdict.MALICIOUS,), limit=1)
    ada = Viewer(uid=ADA, homes=(str(tmp_path / "a"),))
    answer = asked(ada, wanted)
    assert isinstance(answer, RecordsAnswer)
    assert [record["path"] for record in answer.records] == [str(tmp_path / "a/3")]
    assert answer.before
    wanted = replace(wanted, before=answer.before, limit=2)
    answer = asked(ada, wanted)
    assert isinstance(answer, RecordsAnswer)
    assert [record["path"] for record in answer.records] == [str(tmp_path / f"a/{n}") for n in (2, 0)]
    (tmp_path / "a/3").unlink()
    answer = asked(ada, RecordsRequest(verdicts=(Verdict.MALICIOUS,)))
    assert isinstance(answer, RecordsAnswer)
    assert [FoundRecord.of(record).path for record in answer.records] == [str(tmp_path / f"a/{n}") for n in (2, 0)]
    assert not answer.before
    status = asked(ada, StatusRequest())
    assert isinstance(status, StatusAnswer)
    assert status.status["store"]["unsafe_now"] == 2
    whole = asked(Viewer(uid=0, whole=True), RecordsRequest(verdicts=(Verdict.MALICIOUS,)))
    assert isinstance(whole, RecordsAnswer)
    assert len(whole.records) == 3
    nothing = asked(Viewer(uid=MALLORY), wanted)
    assert isinstance(nothing, RecordsAnswer)
    assert not nothing.records
    assert not nothing.before


def records(answer: Answer) -> list[FoundRecord]:
    """The records of an answer, as the client has them."""
    assert isinstance(answer, RecordsAnswer)
    return [FoundRecord.of(json.loads(json.dumps(each))) for each in answer.records]


def test_the_history_is_answered_with_every_filter(asked: Asked, tmp_path: Path) -> None:
    """Also of files that went; each filter narrows it down, and none shows what is somebody else's."""
    for home, name, verdict in (("a", "1", Verdict.CLEAN), ("m", "2", Verdict.UNSAFE), ("a", "gone", Verdict.UNSAFE)):
        path = tmp_path / home / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
        asked.store.finish(None, make_record(str(path), FileId.of(path.stat()), verdict))
    (tmp_path / "a/gone").unlink()
    ada, root = Viewer(uid=ADA, homes=(str(tmp_path / "a"),)), Viewer(uid=0, whole=True)
    everything = RecordsRequest(verdicts=tuple(Verdict), unsafe_now=False)

    def names(viewer: Viewer, **changes: object) -> list[str]:
        return [found.path[-1] for found in records(asked(viewer, replace(everything, **changes)))]  # type: ignore[arg-type]

    assert names(ada) == ["e", "1"]
    assert names(root) == ["e", "2", "1"]
    assert names(root, verdicts=(Verdict.CLEAN,)) == ["1"]
    assert names(root, under=str(tmp_path / "m")) == ["2"]
    assert names(root, since=2e9) == []
    assert names(root, uid=MALLORY, homes=(str(tmp_path / "m"),)) == ["2"]
    assert names(ada, uid=MALLORY, homes=(str(tmp_path / "m"),)) == []
    assert names(ada, under=str(tmp_path / "m")) == []
    gone = records(asked(ada, everything))[0]
    assert (gone.where.value, gone.id) == ("gone", "r3")


def test_a_moved_file_is_in_its_owners_history(asked: Asked) -> None:
    """Although nobody's file is where it was, and the place need not be in a home."""
    record = make_record(asked.item.path, FileId(1, 2, 3, 4, 5), Verdict.MALICIOUS)
    number = asked.store.finish(None, record, quarantine=True).record
    (intent,) = asked.store.intents.wanted()
    asked.store.intents.done(intent.id, asked.item.id, FileId(1, 2, 3, 4, 5))
    everything = RecordsRequest(verdicts=tuple(Verdict), unsafe_now=False)
    (found,) = records(asked(Viewer(uid=asked.item.uid), everything))
    assert (found.number, found.where.value, found.item) == (number, "quarantined", asked.item.id)
    assert records(asked(Viewer(uid=MALLORY), everything)) == []


def test_a_name_leads_to_ones_own_records(asked: Asked, tmp_path: Path) -> None:
    """An id, a path, the name that was shown; what is somebody else's looks like what never was."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    made = replace(make_record(str(path), FileId.of(path.stat()), Verdict.UNSAFE), name="hub: model.pt")
    number = asked.store.finish(None, made).record
    ada = Viewer(uid=ADA, homes=(str(tmp_path),))
    for name in (f"r{number}", str(path), "hub: model.pt"):
        assert [found.number for found in records(asked(ada, NamedRequest(name=name)))] == [number]
        assert records(asked(Viewer(uid=MALLORY), NamedRequest(name=name))) == []
    assert records(asked(ada, NamedRequest(name="r999"))) == []
    for request in (NamedRequest(name="\ud800"), RescanRequest(under="/\ud800"), NamedRequest(name="a\0")):
        refused = asked(ada, request)
        assert isinstance(refused, RequestRefusal)
        assert refused.message == "that can't be the name of a file"


def test_a_status_names_nobody_elses_files(asked: Asked) -> None:
    """Neither directories, nor problems, nor numbers of all."""
    roots = [{"wanted": f"/home/{name}/.cache", "path": f"/home/{name}/.cache", "state": "watched"} for name in "am"]
    problems = [
        {"what": "watch-root", "subject": f"/home/{name}/.cache", "reason": f"{name} is broken", "hint": "look"}
        for name in ("a", "m", "n")
    ]
    row = {"version": "1", "pid": os.getpid(), "degraded": problems, "counts": {"x": 1}, "walking": "/home/m/x"}
    asked.store.put_state("daemon", row)
    asked.store.put_state("roots", roots)
    answer = asked(Viewer(uid=ADA, homes=("/home/a",)), StatusRequest())
    assert isinstance(answer, StatusAnswer)
    status = DaemonStatus.of(received(answer))
    assert [root.path for root in status.daemon.roots] == ["/home/a/.cache"]
    assert status.daemon.degraded[0].reason == "a is broken"
    assert len(status.daemon.degraded) == 2
    assert "/home/m" not in str(answer.status)
    assert "m is broken" not in str(answer.status)
    assert not status.daemon.counts
    whole = asked(Viewer(uid=0, whole=True), StatusRequest())
    assert isinstance(whole, StatusAnswer)
    assert "/home/m/.cache" in str(whole.status)
    assert DaemonStatus.of(received(whole)).daemon.counts == {"x": 1}


def test_a_bug_costs_one_answer(asked: Asked) -> None:
    """The thread that answers must not end; what went wrong is in the log, not in the answer."""
    responder = Responder(
        asked.store, lambda: asked.vault, SocketConfig, Known(), asked.rescans, asked.notifiers
    )  # knows nobody: a KeyError
    answer = responder(Peer(7, frozenset(), 1), StatusRequest())
    assert isinstance(answer, RequestRefusal)
    assert answer.message == "the daemon failed to answer"


def test_names_in_others_homes_are_left_out() -> None:
    """Unless the file is one's own: then they are links to it."""
    with lab() as made:
        made.store.parent.mkdir(exist_ok=True)
        result = Asked(made)
        named = replace(result.item, names=(f"{made.root}/mine", "/home/other/theirs"), uid=NOBODY)
        result.vault.items = lambda *, history=False: [named]  # type: ignore[method-assign]
        in_home = result(Viewer(uid=ADA, homes=(str(made.root),)), ItemRequest())
        owner = result(Viewer(uid=NOBODY), ItemRequest())
        assert isinstance(in_home, ItemAnswer)
        assert isinstance(owner, ItemAnswer)
        assert in_home.items[0]["names"] == [f"{made.root}/mine"]
        assert len(owner.items[0]["names"]) == 2
        result.vault.close()
        result.store.close()


def test_each_has_their_own_files_judged_again(asked: Asked, tmp_path: Path) -> None:
    """A path is looked at as if it had just appeared; everything is for those who see everything."""
    home = tmp_path / "ada"
    home.mkdir()
    (home / "m.pt").write_bytes(b"x")
    file = FileId.of((home / "m.pt").stat())
    record = make_record(str(home / "m.pt"), file, Verdict.UNVERIFIED)
    asked.store.jobs.offer([Candidate(record.path, file, Source.EVENT)], record.engine.key)
    job = asked.store.jobs.claim()
    assert job is not None
    asked.store.finish(job, record)
    ada, mallory = Viewer(uid=ADA, homes=(str(home),)), Viewer(uid=MALLORY, homes=(str(tmp_path / "mallory"),))
    below = RescanRequest(under=str(tmp_path))

    def files(viewer: Viewer, request: RescanRequest) -> int:
        answer = asked(viewer, request)
        assert isinstance(answer, RescanAnswer)
        return answer.files

    assert files(mallory, below) == 0
    assert asked.store.records.verdict(file, record.engine.key) is Verdict.UNVERIFIED
    assert files(ada, RescanRequest(under=str(tmp_path), verdicts=(Verdict.CLEAN,))) == 0
    assert files(ada, below) == 1
    assert asked.looked_at == [record.path]
    assert asked.store.records.verdict(file, record.engine.key) is None
    refused = asked(ada, RescanRequest())
    assert isinstance(refused, RequestRefusal)
    assert refused.why is RefusalCause.FORBIDDEN
    root = Viewer(uid=0, whole=True)
    assert files(root, RescanRequest(verdicts=(Verdict.CLEAN,))) == 0
    assert files(root, RescanRequest()) == 1
    assert asked.looked_at[1:] == ["rescan", "rescan"]


def test_contents_are_allowed_for_those_who_may(asked: Asked, tmp_path: Path) -> None:
    """Any by root; by a user with the setting those of their own files; who is asked is in the reason."""
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")
    mine, other = "ab" * 32, "cd" * 32
    asked.store.finish(None, make_record(str(path), FileId.of(path.stat()), Verdict.UNSAFE, mine))
    me = path.stat().st_uid
    for viewer, sha256, is_done in (
        (Viewer(uid=me), mine, False),
        (Viewer(uid=me, allows=True), other, False),
        (Viewer(uid=MALLORY, homes=(str(tmp_path),), allows=True), mine, False),
        (Viewer(uid=me, allows=True), mine, True),
        (Viewer(uid=MALLORY, whole=True), other, True),
    ):
        request = AllowRequest(sha256=sha256, reason="ours", size=1, until=9e9)
        answer = asked(viewer, request)
        assert isinstance(answer, AllowancesAnswer) == is_done
        if isinstance(answer, RequestRefusal):
            assert answer.why is RefusalCause.FORBIDDEN
        if isinstance(answer, AllowancesAnswer):
            assert [(each["sha256"], each["until"]) for each in answer.allowed] == [(sha256, 9e9)]
            assert str(answer.allowed[0]["reason"]).startswith("ours (")
    many = AllowancesRequest()
    for number in range(ALLOWED):
        asked.store.allowed.add(f"{number:064x}", "\x85" * 5_000)
    told = asked(Viewer(uid=0, whole=True), many)
    assert isinstance(told, AllowancesAnswer)
    assert (len(encode(told, ANSWERS)) <= ANSWER, told.more) == (True, 2)
    for number in range(ALLOWED):
        asked.store.allowed.remove(f"{number:064x}")
    theirs, everything = (
        asked(Viewer(uid=me), AllowancesRequest()),
        asked(Viewer(uid=0, whole=True), AllowancesRequest()),
    )
    assert isinstance(theirs, AllowancesAnswer)
    assert isinstance(everything, AllowancesAnswer)
    assert [each["sha256"] for each in theirs.allowed] == [mine]
    assert len(everything.allowed) == 2
    for request in (AllowRequest(sha256="xyz", reason="x"), AllowRequest(sha256=mine, reason="x", until=5.0)):
        refused = asked(Viewer(uid=0, whole=True), request)
        assert isinstance(refused, RequestRefusal)
        assert refused.why is RefusalCause.FAILED
    assert isinstance(asked(Viewer(uid=me), AllowRequest(sha256=mine)), RequestRefusal)
    assert isinstance(asked(Viewer(uid=me, allows=True), AllowRequest(sha256=mine)), AllowancesAnswer)
    assert asked.store.allowed.all().keys() == {other}


def test_only_those_who_see_everything_may_purge(asked: Asked) -> None:
    """First they are told what would go; only what they were told of goes then."""
    bounds = PurgeRequest(max_items=0)
    refused = asked(Viewer(uid=asked.item.uid, restores=True, allows=True), bounds)
    assert isinstance(refused, RequestRefusal)
    assert refused.why is RefusalCause.FORBIDDEN
    root = Viewer(uid=0, whole=True)
    told = asked(root, bounds)
    assert isinstance(told, PurgeAnswer)
    assert (told.items, told.taken_by) == (1, asked.item.taken)
    assert asked.vault.show(asked.item.id).state is State.QUARANTINED
    before = asked(root, replace(bounds, taken_by=asked.item.taken - 1))
    assert isinstance(before, PurgeAnswer)
    assert before.items == 0
    done = asked(root, replace(bounds, taken_by=told.taken_by))
    assert isinstance(done, PurgeAnswer)
    assert (done.items, done.size, done.more) == (1, asked.item.size, False)
    assert asked.vault.show(asked.item.id).state is State.DELETED
