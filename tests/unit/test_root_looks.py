"""Which roots are looked at, and when: those of which something is announced."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.watching import eventually
from watchdog.observers.inotify_c import InotifyConstants

from picklewatch.telemetry.root_state import CONFIGURATION
from picklewatch.watch.inotify_watches import InotifyReader
from picklewatch.watch.lookup_watches import ANY_NAME, LookupWatches
from picklewatch.watch.mounts import MountTable
from picklewatch.watch.root_looks import RootLooks
from picklewatch.watch.roots import Root, RootFinder, Sight, look_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def looks() -> Iterator[RootLooks]:
    """Looks with a reader that announces."""
    reader = InotifyReader(lambda _error: None, lambda: None)
    reader.start()
    looks = RootLooks(MountTable(""))
    looks.use(LookupWatches(reader))
    yield looks
    looks.stop()
    reader.stop()


def looked_at(looks: RootLooks, roots: tuple[Root, ...]) -> list[str]:
    """The roots that are looked at now."""
    return [root.wanted for root, _ in looks.look(roots, 0.0)]


def settle(looks: RootLooks, roots: tuple[Root, ...]) -> None:
    """Look until there is nothing to look at."""
    assert eventually(lambda: not looked_at(looks, roots))


def _make(root: Path) -> None:
    (root / "new").mkdir()


def _remove(root: Path) -> None:
    (root / "old").rmdir()


def _replace(root: Path) -> None:
    (root / "old").rename(root / "older")


def _close(root: Path) -> None:
    (root / "old").chmod(0o700)


def _turn(root: Path) -> None:
    (root / "link").unlink()
    (root / "link").symlink_to("elsewhere")


def _behind(root: Path) -> None:
    (root.parent / "target" / "deep").rmdir()


def _behind_above(root: Path) -> None:
    (root.parent / "target").rename(root.parent / "was")


def _above(root: Path) -> None:
    root.rename(root.parent / "was")
    root.mkdir()


def _close_above(root: Path) -> None:
    root.chmod(0o700)


@pytest.mark.parametrize(
    ("act", "concerned"),
    [
        (_make, ["new", "new/deep"]),
        (_remove, ["old"]),
        (_replace, ["old"]),
        (_close, ["old"]),
        (_turn, ["link"]),
        (_behind, ["link"]),
        (_behind_above, ["link"]),
        (_above, ["old", "other", "new", "new/deep", "link"]),
        (_close_above, ["old", "other", "new", "new/deep", "link"]),
    ],
)
def test_only_what_may_lead_elsewhere_is_looked_at(
    tmp_path: Path, looks: RootLooks, act: Callable[[Path], None], concerned: list[str]
) -> None:
    """6,000 roots that nothing happens to cost nothing."""
    root = tmp_path / "home"
    for directory in (root / "old", root / "other", tmp_path / "target" / "deep"):
        directory.mkdir(parents=True)
    (root / "link").symlink_to(tmp_path / "target" / "deep")
    roots = tuple(Root(f"{root}/{name}") for name in ("old", "other", "new", "new/deep", "link"))
    settle(looks, roots)
    act(root)
    seen: list[str] = []

    def look() -> bool:
        seen.extend(looked_at(looks, roots))
        return bool(seen) and not looked_at(looks, roots)

    assert eventually(look)
    assert set(seen) == {f"{root}/{name}" for name in concerned}


def test_what_comes_and_goes_beside_the_way_is_not_even_read(tmp_path: Path) -> None:
    """Homes may lie in a directory as busy as /tmp: the kernel announces none of its names, but those of a home."""
    (tmp_path / "home").mkdir()
    reader = InotifyReader(lambda _error: None, lambda: None)
    reader.start()
    looks = RootLooks(MountTable(""))
    looks.use(LookupWatches(reader))
    settle(looks, (Root(f"{tmp_path}/home/old"), Root(f"{tmp_path}/home/new/deep")))
    masks = {}
    for line in Path(f"/proc/self/fdinfo/{reader._inotify_fd}").read_text().splitlines():
        fields = dict(field.split(":") for field in line.split() if field.count(":") == 1)
        if "wd" in fields:
            masks[int(fields["ino"], 16)] = int(fields["mask"], 16)
    looks.stop()
    reader.stop()
    assert not masks[tmp_path.stat().st_ino] & InotifyConstants.IN_CREATE
    assert masks[tmp_path.stat().st_ino] & InotifyConstants.IN_MOVE_SELF
    assert masks[(tmp_path / "home").stat().st_ino] & InotifyConstants.IN_CREATE


def test_what_a_mount_may_hide_is_looked_at(tmp_path: Path, looks: RootLooks) -> None:
    """The kernel announces no mount to the directory that it covers."""
    for name in ("a/b", "c"):
        (tmp_path / name).mkdir(parents=True)
    roots = (Root(str(tmp_path / "a" / "b")), Root(str(tmp_path / "c")))
    settle(looks, roots)
    looks.look_below(str(tmp_path / "a"))
    assert looked_at(looks, roots) == [str(tmp_path / "a" / "b")]


def test_what_nothing_announces_is_looked_at_again_and_again(tmp_path: Path) -> None:
    """On a file system of the network others change the way to a root: silently."""
    looks = RootLooks(MountTable(str(tmp_path)))
    roots = (Root(str(tmp_path / "a")), Root(str(tmp_path / "b")))
    for _ in range(3):
        assert sorted(looked_at(looks, roots)) == [str(tmp_path / "a"), str(tmp_path / "b")]
    looks.stop()


def test_roots_that_are_not_wanted_any_more_are_not_announced(tmp_path: Path, looks: RootLooks) -> None:
    """Nor do their watches stay."""
    roots = (Root(str(tmp_path / "a")), Root(str(tmp_path / "b")))
    settle(looks, roots)
    settle(looks, roots[:1])
    (tmp_path / "b").mkdir()
    (tmp_path / "a").mkdir()
    assert eventually(lambda: looked_at(looks, roots[:1]) == [str(tmp_path / "a")])
    assert looks._lookups is not None
    looks.look((), 0.0)
    assert not looks._lookups._keys


def test_the_arrival_of_people_is_announced(tmp_path: Path, looks: RootLooks) -> None:
    """By a home beside theirs, or a new file of the user database; what else happens there is not."""
    looks.people_announced.clear()
    (tmp_path / "etc").mkdir()
    (tmp_path / "home").mkdir()
    looks.places = ((str(tmp_path / "etc"), "passwd"), (str(tmp_path / "home"), ANY_NAME), (f"{tmp_path}/no", ANY_NAME))
    for directory, name in (("etc", "passwd"), ("home", "ada")):
        settle(looks, ())
        (tmp_path / "etc" / f"other-{name}").touch()
        (tmp_path / directory / name).mkdir()
        assert eventually(lambda: not looks.look((), 0.0) and looks.people_announced.is_set())
        looks.people_announced.clear()


@pytest.mark.parametrize("number", [1, 3, 250])
def test_every_root_is_looked_at_every_four_hours(tmp_path: Path, looks: RootLooks, number: int) -> None:
    """However few there are, and whatever is announced: who may do what changes in silence."""
    roots = tuple(Root(f"{tmp_path}/{index}") for index in range(number))
    settle(looks, roots)
    last = dict.fromkeys((root.wanted for root in roots), 0.0)
    longest = 0.0
    for minute in range(0, 13 * 60, 2):
        for root, _ in looks.look(roots, minute * 60.0):
            longest = max(longest, minute - last[root.wanted])
            last[root.wanted] = minute
    assert 0 < longest <= 4 * 60 + 6
    assert min(last.values()) > 8 * 60


def test_one_look_may_take_long_in_all() -> None:
    """A thousand roots are no server that does not answer."""
    slow = threading.Event()

    def look(root: Root) -> Sight:
        slow.wait(0.05)
        return Sight(None, error=int(root.wanted))

    finder = RootFinder(look, patience=2.0)
    sights = finder.look([Root(str(number)) for number in range(50)])
    finder.stop()
    assert [sight.error for sight in sights.values()] == list(range(50))


@pytest.mark.parametrize("place", ["/proc/self", "/sys/kernel"])
def test_files_of_the_kernel_are_no_root(place: str) -> None:
    """Not even if the configuration names them: reading some has effects."""
    sight = look_at(Root(place, CONFIGURATION))
    assert sight.tree is None
    assert "kernel" in sight.why
