"""Links to directories inside of watched trees: which become roots, whose, how often, and for how long."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.vaulting import in_child, root_only

from picklewatch.access import rights
from picklewatch.access.ownership import trees_of, why_not_moved
from picklewatch.core.candidate import Source
from picklewatch.telemetry.health import Health
from picklewatch.telemetry.root_state import CONFIGURATION
from picklewatch.watch import directory_walk, roots
from picklewatch.watch.directory_walk import WalkRequest, WalkTally
from picklewatch.watch.linked_directories import MOST_FOLLOWED, MOST_NOTED, LinkedDirectories, report_left_out
from picklewatch.watch.roots import EXCLUDED, Root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ADA, BOB = 12346, 12347


class Machine:
    """Roots and their links, looked at and walked until nothing new comes."""

    def __init__(self, base: Path, *planned: Root, excluded: str = "/excluded") -> None:
        self.base, self.planned = base, planned
        self.health = Health()
        self.links = LinkedDirectories(lambda path: excluded in path)

    def settle(self) -> dict[str, str | None]:
        """Return where each link leads that is a root in the end."""
        before: Sequence[Root] = ()
        while True:
            everything = (*self.planned, *self.links.roots(self.planned))
            roots.find(everything)
            for root in everything:
                if root.tree is not None:
                    request = WalkRequest(root.tree.path, Source.WALK, "start")
                    list(directory_walk.find(request, never, WalkTally(), never, self.links.note))
            found = self.links.roots(self.planned)
            report_left_out(self.links.left_out, self.health)
            if [id(root) for root in found] == [id(root) for root in before]:
                return {os.path.relpath(root.wanted, self.base): self.short(root.path) for root in found}
            before = found

    def short(self, path: str | None) -> str | None:
        """Return *path* without what all have in common."""
        return None if path is None else os.path.relpath(path, self.base)

    def root(self, link: str) -> Root:
        """Return the root that *link* is."""
        wanted = str(self.base / link)
        return next(root for root in self.links.roots(self.planned) if root.wanted == wanted)


def never(_path: str) -> bool:
    """Leave nothing out."""
    return False


@pytest.fixture
def base() -> Iterator[Path]:
    """Give a directory that all users can reach."""
    with open_directory() as directory:
        yield directory


def give(uid: int, *paths: Path) -> None:
    """Give *paths* themselves, made as directories if they are missing, to *uid*."""
    for path in paths:
        if not os.path.lexists(path):
            path.mkdir(parents=True)
        os.lchown(path, uid, uid)


def link(path: Path, target: object, uid: int | None = None) -> None:
    """Make a link, of *uid*'s."""
    path.symlink_to(str(target))
    if uid is not None:
        os.lchown(path, uid, uid)


def cache(base: Path, user: int | None = None) -> Machine:
    """Return a machine that watches ``cache`` for *user*, beside which there is ``big``."""
    for path in (base / "cache", base / "big"):
        path.mkdir()
        if user is not None:
            give(user, path)
    return Machine(base, Root(str(base / "cache"), "Torch, of ada", user=user))


def test_a_link_at_any_level_is_a_root_and_so_are_those_behind_it(base: Path) -> None:
    """A hub, one model, a chain of them: each is found in what the one before it leads to."""
    machine = cache(base)
    for name in ("hub", "model", "deep"):
        (base / "big" / name).mkdir()
    (base / "cache/models").mkdir()
    link(base / "cache/hub", base / "big/hub")
    link(base / "cache/models/a", "../../big/model")
    link(base / "big/model/next", base / "big/deep")
    found = machine.settle()
    assert found == {"cache/hub": "big/hub", "cache/models/a": "big/model", "big/model/next": "big/deep"}
    assert machine.root("cache/hub").label == "Torch, of ada, by a link"


def test_what_is_watched_already_needs_no_root(base: Path) -> None:
    """Links into the tree, to its top, in circles, and several links to one place: one root at most."""
    machine = cache(base)
    (base / "cache/sub").mkdir()
    (base / "big/sub").mkdir()
    link(base / "cache/inside", "sub")
    link(base / "cache/sub/top", base / "cache")
    link(base / "cache/itself", "itself")
    for name in ("one", "two"):
        link(base / f"cache/{name}", base / "big")
    link(base / "big/back", base / "cache/sub")
    link(base / "big/sub/up", base / "big")
    found = machine.settle()
    assert list(found.values()) == ["big"]


def test_links_that_only_lead_to_each_other_keep_nothing_watched(base: Path) -> None:
    """Without the first link of a circle all of it is left; and another link to it takes its place at once."""
    machine = cache(base)
    for name in ("x", "y"):
        (base / "big" / name).mkdir()
    link(base / "cache/first", base / "big/x")
    link(base / "cache/second", base / "big/x")
    link(base / "big/x/y", base / "big/y")
    link(base / "big/y/x", base / "big/x")
    assert set(machine.settle().values()) == {"big/x", "big/y"}
    (base / "cache/first").unlink()
    assert set(machine.settle().values()) == {"big/x", "big/y"}
    (base / "cache/second").unlink()
    assert machine.settle() == {}


def test_a_link_may_turn_break_and_be_mended(base: Path) -> None:
    """It is looked at like any root; what leads to nothing is named, and found when its disk is mounted."""
    machine = cache(base)
    link(base / "cache/hub", base / "big/later")
    assert machine.settle() == {"cache/hub": None}
    assert machine.root("cache/hub").reason.endswith("leads to nothing")
    (base / "big/later").mkdir()
    assert machine.settle() == {"cache/hub": "big/later"}
    (base / "big/other").mkdir()
    (base / "cache/hub").unlink()
    link(base / "cache/hub", base / "big/other")
    assert machine.settle() == {"cache/hub": "big/other"}
    (base / "cache/hub").unlink()
    (base / "cache/hub").mkdir()
    assert machine.settle() == {}
    assert machine.links.over() == [str(base / "cache/hub")]
    assert machine.links.over() == []


def test_a_root_behind_a_broken_link_says_so(base: Path) -> None:
    """A cache on a disk that is not mounted is no cache that does not exist yet; it is no problem, either."""
    link(base / "cache", base / "disk")
    (base / "homes").mkdir()
    link(base / "home", base / "homes")
    health = Health()
    reasons = []
    for place in ("cache", "cache/hub", "home/none"):
        root = Root(str(base / place), "Torch")
        roots.report(root, roots.look_at(root), health)
        reasons.append(root.reason)
    assert reasons == [f"the link {base}/cache leads to nothing"] * 2 + [""]
    assert health.problems == ()


def test_a_directory_that_became_a_link_before_its_walk_is_no_closed_one(base: Path) -> None:
    """Its walk was asked for when it was made; reported as closed, it would be opened, walked and closed for ever."""
    machine = cache(base)
    link(base / "cache/hub", base / "big")
    tally = WalkTally()
    request = WalkRequest(str(base / "cache/hub"), Source.EVENT, "new-directory", deep=False)
    assert list(directory_walk.find(request, never, tally, never, machine.links.note)) == []
    assert tally.unreadable == {}
    roots.find(machine.planned)
    assert [root.wanted for root in machine.links.roots(machine.planned)] == [request.tree]


def test_what_is_excluded_is_left_out_at_both_ends(base: Path) -> None:
    """The operator said so; a link that leads there is named as not watched, one that is excluded itself is not."""
    machine = cache(base)
    (base / "big/excluded").mkdir()
    link(base / "cache/hub", base / "big/excluded")
    link(base / "cache/excluded", base / "big")
    assert machine.settle() == {}
    assert [(root.wanted, root.reason) for root in machine.links.excluded] == [(str(base / "cache/hub"), EXCLUDED)]


@pytest.mark.parametrize("target", ["/", "/home", "/proc", "/proc/self/root", "/sys", "/dev/shm"])
def test_no_link_inside_of_a_root_leads_to_everything(base: Path, target: str) -> None:
    """Not even for a daemon that may go everywhere, nor for one whose user may go there."""
    for planned in (Root(str(base / "c"), "Torch"), Root(str(base / "c"), CONFIGURATION)):
        (base / "c").mkdir(exist_ok=True)
        machine = Machine(base, planned)
        (base / "c/link").unlink(missing_ok=True)
        link(base / "c/link", target)
        assert machine.settle() == {"c/link": None}
        assert "is not followed" in machine.root("c/link").reason


def test_more_links_than_are_followed_are_said(base: Path) -> None:
    """Those beyond the bound take the place of links that go."""
    machine = cache(base)
    for number in range(MOST_FOLLOWED + 3):
        (base / f"big/{number}").mkdir()
        link(base / f"cache/{number}", base / f"big/{number}")
    assert len(machine.settle()) == MOST_FOLLOWED
    assert [problem.what for problem in machine.health.problems] == ["watch-links"]
    for name in list(machine.settle())[:3]:
        (base / name).unlink()
    assert len(machine.settle()) == MOST_FOLLOWED
    assert machine.health.problems == ()


@root_only
def test_links_of_others_and_to_what_is_others_are_not_followed(base: Path) -> None:
    """By the rules of every root: its user's links, to what this user owns or may write to."""
    machine = cache(base, ADA)
    give(ADA, base / "big/own")
    give(BOB, base / "bobs")
    link(base / "cache/own", base / "big/own", ADA)
    link(base / "cache/bobs-link", base / "big/own", BOB)
    link(base / "cache/roots-link", base / "big/own", 0)
    link(base / "cache/to-bob", base / "bobs", ADA)
    found = machine.settle()
    assert {name for name, path in found.items() if path is not None} == {"cache/own"}
    assert machine.root("cache/own").tree is not None
    assert [root.tree.owner for root in (machine.root("cache/own"),) if root.tree is not None] == [ADA]
    assert "neither owns nor may write to" in machine.root("cache/to-bob").reason


@root_only
def test_an_ordinary_users_daemon_follows_what_the_kernel_lets_it(base: Path) -> None:
    """But not to everything: its user's files are the only ones that it may move anyway."""
    give(ADA, base / "cache")
    (base / "shared").mkdir()
    for name, target in (("shared", base / "shared"), ("all", "/"), ("homes", "/home")):
        link(base / f"cache/{name}", target, ADA)

    def act() -> None:
        rights.is_privileged.cache_clear()
        machine = Machine(base, Root(str(base / "cache"), CONFIGURATION))
        assert machine.settle() == {"cache/shared": "shared", "cache/all": None, "cache/homes": None}
        tree = machine.root("cache/shared").tree
        assert tree is not None
        assert tree.owner == ADA

    rights._capabilities()  # loads what an ordinary user may not be able to read
    assert in_child(act, uid=ADA) == 0


@root_only
@pytest.mark.parametrize("by", [ADA, 0])
def test_whose_files_are_moved_behind_a_link(base: Path, by: int) -> None:
    """Below a link in what the configuration names: those of the link's owner, never another's put there."""
    give(by, base / "srv", base / "disk")
    link(base / "srv/hub", base / "disk", by)
    machine = Machine(base, Root(str(base / "srv"), CONFIGURATION))
    assert machine.settle() == {"srv/hub": "disk"}
    tree = machine.root("srv/hub").tree
    assert tree is not None
    assert tree.owner == by
    for uid, moves in ((by, True), (BOB, False)):
        path = base / "disk" / str(uid)
        path.touch()
        os.chown(path, uid, uid)
        file, directory = os.open(path, os.O_RDONLY), os.open(path.parent, os.O_RDONLY)
        assert (why_not_moved(file, directory, trees_of(str(path), [tree])) == "") is moves
        os.close(file)
        os.close(directory)


@root_only
@pytest.mark.parametrize("user", [None, 0])
def test_a_link_of_roots_that_nobody_named_moves_no_others_files(base: Path, user: int | None) -> None:
    """It may have come out of an archive that root unpacked. In root's own cache root put it there for that."""
    give(BOB, base / "disk")
    (base / "srv").mkdir()
    link(base / "srv/hub", base / "disk", 0)
    machine = Machine(base, Root(str(base / "srv"), CONFIGURATION if user is None else "Torch", user=user))
    machine.settle()
    tree = machine.root("srv/hub").tree
    assert tree is not None
    path = base / "disk/model"
    for uid, moves in ((BOB, user == 0), (0, True)):
        path.touch()
        give(uid, path, path.parent)
        with path.open() as file:
            directory = os.open(path.parent, os.O_RDONLY)
            why = why_not_moved(file.fileno(), directory, [tree])
            os.close(directory)
        assert (not why) is moves, why


@root_only
def test_a_link_that_nobody_named_stands_for_none_of_roots_cache(base: Path) -> None:
    """Both lead to one place: the one of root's cache is a root of its own, or others' files there would stay."""
    for name in ("disk", "srv", "own"):
        (base / name).mkdir()
    link(base / "srv/hub", base / "disk", 0)
    link(base / "own/hub", base / "disk", 0)
    planned = (Root(str(base / "srv"), CONFIGURATION), Root(str(base / "own"), "Torch", user=0))
    machine = Machine(base, *planned)
    assert machine.settle() == {"srv/hub": "disk", "own/hub": "disk"}


@root_only
def test_two_users_links_to_one_place_are_two_roots(base: Path) -> None:
    """It is watched once, and the files of both may be moved: none of them stands for the other."""
    for uid, name in ((ADA, "ada"), (BOB, "bob")):
        give(uid, base / name)
    shared = base / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    link(base / "ada/hub", shared, ADA)
    link(base / "bob/hub", shared, BOB)
    planned = (Root(str(base / "ada"), "A", user=ADA), Root(str(base / "bob"), "B", user=BOB))
    machine = Machine(base, *planned)
    assert machine.settle() == {"ada/hub": "shared", "bob/hub": "shared"}
    owners = {root.tree.owner for root in machine.links.roots(planned) if root.tree is not None}
    assert owners == {ADA, BOB}


@root_only
def test_one_users_many_links_leave_anothers_followed(base: Path) -> None:
    """The bound is each user's own, also in a directory that both may write to."""
    srv = base / "srv"
    srv.mkdir()
    for uid in (BOB, ADA):
        give(uid, base / "disk" / str(uid), srv / str(uid))
        for number in range(MOST_FOLLOWED + 2 if uid == BOB else 1):
            give(uid, base / "disk" / str(uid) / str(number))
            link(srv / str(uid) / str(number), base / "disk" / str(uid) / str(number), uid)
    machine = Machine(base, Root(str(srv), CONFIGURATION))
    assert f"srv/{ADA}/0" in machine.settle()
    assert [problem.subject for problem in machine.health.problems] == [f"user {BOB}"]


@root_only
def test_one_users_many_links_leave_anothers_remembered(base: Path) -> None:
    """After a restart as well: a move is tried again only where its root is known."""
    srv = base / "srv"
    for uid in (BOB, ADA):
        give(uid, base / "disk" / str(uid), srv / str(uid))
        for number in range(MOST_FOLLOWED if uid == BOB else 1):
            give(uid, base / "disk" / str(uid) / str(number))
            link(srv / str(uid) / str(number), base / "disk" / str(uid) / str(number), uid)
    planned = Root(str(srv), CONFIGURATION)
    before = Machine(base, planned)
    before.settle()
    again = LinkedDirectories(never)
    again.remember(before.links.followed())
    roots.find([planned])
    assert str(srv / str(ADA) / "0") in [root.wanted for root in again.roots([planned])]


def test_one_users_flood_of_links_does_not_crowd_out_anothers(base: Path) -> None:
    """Links wait to be taken in while a tree is walked: each user's in a share of their own."""
    links = LinkedDirectories(never)
    links.remember((f"{base}/{number}", BOB) for number in range(MOST_NOTED + 1))
    links.remember([(f"{base}/ada", ADA)])
    roots.find([planned := Root(str(base), CONFIGURATION)])
    links.roots([planned])
    assert f"{base}/ada" in [path for path, _ in links.followed()]
    assert links.left_out >= {""}
