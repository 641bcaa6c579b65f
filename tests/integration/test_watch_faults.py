"""Every way in which watching was seen to fail silently: noticed, repaired, and nothing lost."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.watching import PATIENCE, Watching, eventually
from watchdog.observers.inotify_c import InotifyConstants, InotifyEvent, WatchDescriptor

from picklewatch.core.candidate import Source
from picklewatch.telemetry.root_state import CONFIGURATION
from picklewatch.watch import events, inotify_observer, inotify_watches, walk_finds, watch_loop
from picklewatch.watch import mounts as mount_table
from picklewatch.watch.clocks import Clocks, Reading
from picklewatch.watch.directory_walk import WalkRequest, WalkTally, find
from picklewatch.watch.inotify_watches import InotifyReader
from picklewatch.watch.mounts import Mount
from picklewatch.watch.overflow import Overflow
from picklewatch.watch.roots import Root, RootFinder, Sight, look_at
from picklewatch.watch.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from watchdog.observers.inotify_c import Mask

QUICK = Timing(poll=0.3, retry=0.3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory to watch."""
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def watching(tmp_path: Path, root: Path) -> Iterator[Watching]:
    """A watch on *root* that is ready."""
    with Watching(tmp_path / "state", root, timing=QUICK) as watching:
        assert watching.wait_ready()
        yield watching


def probe(watching: Watching, *directories: Path) -> bool:
    """Return True if a new file in each of *directories* is noticed."""
    paths = [directory / f"probe-{random.randrange(10**9)}.pt" for directory in directories]
    for path in paths:
        path.write_bytes(b"x")
    return watching.wait_for(*paths)


def never(_path: str) -> bool:
    """Leave nothing out."""
    return False


def problems(watching: Watching) -> set[str]:
    """Return the problems of now."""
    return {problem.what for problem in watching.health.problems}


def test_a_deleted_and_recreated_root_is_watched_again(watching: Watching, root: Path) -> None:
    """Watchdog's emitter dies with the root and does not see it come back."""
    shutil.rmtree(root)
    assert eventually(lambda: watching.health.counts.get("watch-root-gone", 0) == 1)
    root.mkdir()
    (root / "at-once.pt").write_bytes(b"x")
    assert watching.wait_for(root / "at-once.pt")
    assert probe(watching, root)


def test_a_root_recreated_at_once_is_watched_again(watching: Watching, root: Path) -> None:
    """Even if no tick ever saw it missing."""
    shutil.rmtree(root)
    root.mkdir()
    (root / "at-once.pt").write_bytes(b"x")
    assert watching.wait_for(root / "at-once.pt")
    assert probe(watching, root)


def test_a_renamed_parent_is_noticed(tmp_path: Path) -> None:
    """Events of what is no longer the root are not taken for the root's."""
    root = tmp_path / "parent" / "root"
    root.mkdir(parents=True)
    with Watching(tmp_path / "state", root, timing=QUICK) as watching:
        assert watching.wait_ready()
        (tmp_path / "parent").rename(tmp_path / "moved")
        assert eventually(lambda: [r.state.value for r in watching.watcher.roots] == ["waiting"])
        root.mkdir(parents=True)
        assert probe(watching, root)


def test_a_root_link_that_is_turned_elsewhere_is_followed(tmp_path: Path) -> None:
    """A cache that is moved to another disk, with a link left behind."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "one")
    with Watching(tmp_path / "state", link, timing=QUICK) as watching:
        assert watching.wait_ready()
        assert probe(watching, tmp_path / "one")
        link.unlink()
        link.symlink_to(tmp_path / "two")
        assert eventually(lambda: [r.path for r in watching.watcher.roots] == [str(tmp_path / "two")])
        assert probe(watching, tmp_path / "two")


def test_directories_moved_out_and_purged_do_not_kill_the_reader(
    watching: Watching, root: Path, tmp_path: Path
) -> None:
    """In watchdog 7.1 this ends the reader thread with a KeyError while everything claims to be alive."""
    for _ in range(3):
        (root / "p" / "q").mkdir(parents=True)
        time.sleep(0.1)
        (root / "p").rename(tmp_path / "gone")
        time.sleep(0.1)
        (root / "p").mkdir()
        time.sleep(0.1)
        (root / "p").rmdir()
        shutil.rmtree(tmp_path / "gone")
        time.sleep(0.1)
        assert probe(watching, root)
    assert watching.health.counts.get("watch-died", 0) == 0


def _one_move(chance: random.Random, root: Path, outside: Path) -> None:
    """Make, remove, move about, out or in, or purge some directory."""

    def place() -> Path:
        return root.joinpath(*(chance.choice("abc") for _ in range(chance.randint(1, 3))))

    away = outside / str(chance.randrange(20))
    moves: list[Callable[[], object]] = [
        lambda: place().mkdir(parents=True, exist_ok=True),
        lambda: place().mkdir(parents=True, exist_ok=True),
        lambda: shutil.rmtree(place()),
        lambda: place().rename(place()),
        lambda: place().rename(away),
        lambda: away.rename(place()),
        lambda: shutil.rmtree(away),
    ]
    with contextlib.suppress(OSError):
        chance.choice(moves)()


def test_random_moves_leave_every_directory_watched(watching: Watching, root: Path, tmp_path: Path) -> None:
    """A storm of directories made, moved in, out and about, and purged; afterwards a file anywhere is noticed."""
    chance = random.Random(7)
    (tmp_path / "outside").mkdir()
    for _ in range(500):
        _one_move(chance, root, tmp_path / "outside")
        if chance.random() < 0.2:
            time.sleep(chance.choice((0, 0.001, 0.01)))
    time.sleep(1.5)
    directories = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert probe(watching, *directories)


def test_a_dead_reader_is_replaced(watching: Watching, root: Path) -> None:
    """The thread that reads from the kernel is gone: a new one is made, and what happened meanwhile is found."""
    observer = watching.watcher._trees.observer
    assert observer is not None
    observer._reader.stop()
    (root / "meanwhile.pt").write_bytes(b"x")
    assert watching.wait_for(root / "meanwhile.pt")
    assert probe(watching, root)
    assert watching.health.counts["watch-died"] >= 1


def test_an_error_in_watchdogs_books_leads_to_a_new_watch(
    watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever exception the reader meets, it goes on, and its books are made anew."""

    def broken(*_arguments: object) -> None:
        monkeypatch.undo()
        raise KeyError("books")

    monkeypatch.setattr(inotify_watches.WatchGroup, "on_event", broken)
    (root / "trigger.pt").write_bytes(b"x")
    assert watching.wait_for(root / "trigger.pt")
    assert probe(watching, root)
    assert eventually(lambda: watching.health.counts.get("watch-died", 0) == 1)
    assert probe(watching, root)


def test_an_exception_in_the_handler_kills_nothing(
    watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watchdog's observer thread would die of it."""

    def broken(_event: object) -> None:
        monkeypatch.undo()
        raise RuntimeError("translate")

    monkeypatch.setattr(inotify_observer, "_translate", broken)
    (root / "first.pt").write_bytes(b"x")
    assert eventually(lambda: watching.health.counts.get("watch-errors", 0) == 1)
    assert probe(watching, root)


@contextlib.contextmanager
def deaf(monkeypatch: pytest.MonkeyPatch, listener: type, method: str, root: Path) -> Iterator[None]:
    """Lose every event that *listener* gets, until that of a directory made in the end has come, too."""
    lost: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(listener, method, lambda *arguments: lost.append(repr(arguments)))
        yield
        (root / "the-last").mkdir()
        (root / "the-last").rmdir()
        assert eventually(lambda: any("the-last" in event for event in lost))


OVERFLOW = InotifyEvent(WatchDescriptor(-1), InotifyConstants.IN_Q_OVERFLOW, 0, b"")


def test_what_is_lost_in_an_overflow_is_found(
    watching: Watching, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, directories that came and went: everything is watched anew, then walked; it is a problem until then."""
    (root / "goes").mkdir()
    assert probe(watching, root / "goes")
    observer = watching.watcher._trees.observer
    assert observer is not None
    with deaf(monkeypatch, inotify_watches.WatchGroup, "on_event", root):
        (root / "new" / "deep").mkdir(parents=True)
        (root / "new" / "deep" / "lost.pt").write_bytes(b"x")
        (root / "goes").rename(tmp_path / "gone")
    assert str(root / "new" / "deep" / "lost.pt") not in watching.paths()
    observer._reader.handle_event(OVERFLOW)
    assert eventually(lambda: [problem.what for problem in watching.health.problems] == ["watch-overflow"])
    assert watching.wait_for(root / "new" / "deep" / "lost.pt")
    assert probe(watching, root, root / "new", root / "new" / "deep")
    assert eventually(lambda: watching.health.problems == ())
    group = observer._emitter.groups[str(root)]
    assert sorted(group._active_callbacks_by_watch.values()) == [
        os.fsencode(path) for path in (root, root / "new", root / "new" / "deep")
    ]


def test_overflows_without_end_do_not_make_walks_without_end(watching: Watching, root: Path) -> None:
    """They get rarer; what was lost in the last one is found all the same."""
    observer = watching.watcher._trees.observer
    assert observer is not None
    watching.watcher._overflow = Overflow(first=0.5, longest=2.0)
    for number in range(400):
        observer._reader.handle_event(OVERFLOW)
        time.sleep(0.01)
        if number == 399:
            (root / "last.pt").write_bytes(b"x")
    assert eventually(lambda: watching.health.problems == ())
    assert watching.wait_for(root / "last.pt")
    assert watching.health.counts["overflows"] == 400
    assert 2 <= watching.health.counts["overflow-walks"] < 100  # by the clock: about four


def test_more_events_than_can_be_held_are_an_overflow(
    watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded wherever the events pile up; what was dropped is found by the walk."""
    monkeypatch.setattr(inotify_watches, "EVENTS_HELD", 20)
    watching.inbox._events.most = 20
    monkeypatch.setattr(watch_loop, "_SWEEPS", 3)
    for number in range(20):
        (root / f"d{number}").mkdir()
    paths = [root / f"d{number % 20}" / f"{number}.pt" for number in range(2000)]
    for path in paths:
        path.write_bytes(b"x")
    assert watching.wait_for(*paths)
    assert watching.health.counts["overflows"] >= 1
    assert probe(watching, root / "d7")


def test_a_slow_start_is_no_silence(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Watches of a large and busy tree take longer to make than the proof of life may: it would begin anew for ever."""
    add = inotify_observer.InotifyObserver.add

    def slowly(observer: inotify_observer.InotifyObserver, tree: str) -> None:
        time.sleep(5.0 if tree == str(root) else 0.0)
        add(observer, tree)

    monkeypatch.setattr(inotify_observer.InotifyObserver, "add", slowly)
    watching = Watching(tmp_path / "state", root, timing=QUICK)
    watching.watcher._canary._deadline = 4.0
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.0005):
            watching.inbox.put(events.Event(events.EventKind.CLOSED, str(root / "gone.pt")))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with watching:
            assert watching.wait_ready()
            assert probe(watching, root)
            assert "watch-silent" not in watching.health.counts
    finally:
        ended.set()
        writer.join()


def test_a_silent_observer_is_unmasked_by_the_canary(
    watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything claims to be alive and nothing arrives: a file of our own does not come round, so watch anew."""
    canary = watching.watcher._canary
    canary._deadline = 0.5
    monkeypatch.setattr(inotify_observer._Translator, "dispatch", lambda *_: None)
    canary._next_at = 0.0
    assert eventually(lambda: any(problem.what == "watch-silent" for problem in watching.health.problems))
    (root / "meanwhile.pt").write_bytes(b"x")
    monkeypatch.undo()
    assert watching.wait_for(root / "meanwhile.pt")
    assert eventually(lambda: watching.health.problems == ())
    assert probe(watching, root)


@pytest.mark.parametrize("kind", ["file", "circle"])
def test_what_was_asked_for_and_can_be_no_directory_is_a_problem(tmp_path: Path, root: Path, kind: str) -> None:
    """A file, or a link that leads to itself: nothing would ever be judged there. A cache's name may be anything."""
    place = tmp_path / "place"
    place.write_bytes(b"") if kind == "file" else place.symlink_to(place)
    with Watching(tmp_path / "state", root, timing=QUICK) as watching:
        watching.watcher.set_roots([Root(str(place), CONFIGURATION), Root(str(tmp_path / "none"), CONFIGURATION)])
        assert eventually(lambda: [p.what for p in watching.health.problems] == ["watch-root"])
        (problem,) = watching.health.problems
        assert problem.subject == str(place)
        assert problem.hint
        place.unlink()
        place.mkdir()
        assert eventually(lambda: watching.health.problems == ())
        assert probe(watching, place)
        if kind == "file":
            place = tmp_path / "cache"
            place.write_bytes(b"")
            watching.watcher.set_roots([Root(str(place), "PyTorch, of root")])
            assert eventually(lambda: watching.watcher.roots[0].reason != "")
            assert watching.health.problems == ()


def test_directories_beyond_the_watch_limit_are_walked_and_named(
    watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Watchdog passes them over in silence; here their files are found, and the user is told what to raise."""
    real = inotify_watches.InotifyReader._get_or_create_watch

    def limited(self: inotify_watches.InotifyReader, path: bytes, mask: object) -> object:
        if b"/full" in path:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return real(self, path, mask)  # type: ignore[arg-type]

    monkeypatch.setattr(inotify_watches.InotifyReader, "_get_or_create_watch", limited)
    deep = root / "full" / "deep"
    deep.mkdir(parents=True)
    assert probe(watching, deep)
    assert eventually(lambda: any(problem.what == "watch-gap" for problem in watching.health.problems))
    (problem,) = watching.health.problems
    assert "max_user_watches" in problem.hint
    assert str(root / "full") in problem.reason
    assert os.strerror(errno.ENOSPC) not in problem.reason, "no disk is full"
    assert probe(watching, deep)
    monkeypatch.undo()
    assert eventually(lambda: watching.health.problems == ())
    assert probe(watching, deep)


def test_without_any_inotify_instance_everything_is_walked(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of instances is reached by other programs: slower, said, and healed when one is free."""

    def refused() -> int:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(inotify_watches.InotifyReader, "_create_inotify_fd", staticmethod(refused))
    with Watching(tmp_path / "state", root, timing=QUICK) as watching:
        assert watching.wait_ready()
        assert probe(watching, root)
        assert [problem.what for problem in watching.health.problems] == ["watch-instances"]
        assert [r.state.value for r in watching.watcher.roots] == ["polled"]
        monkeypatch.undo()
        assert eventually(lambda: [r.state.value for r in watching.watcher.roots] == ["watched"])
        assert watching.health.problems == ()
        assert probe(watching, root)


def test_network_file_systems_are_walked_as_well(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes of another machine are announced to nobody here."""
    monkeypatch.setattr(mount_table, "read_mounts", lambda: (Mount(1, "/", "nfs4"),))
    with Watching(tmp_path / "state", root, timing=QUICK, own="/") as watching:
        assert watching.wait_ready()
        monkeypatch.setattr(inotify_observer._Translator, "dispatch", lambda *_: None)
        assert probe(watching, root)
        assert "nfs4" in watching.watcher.roots[0].reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list anything")
def test_an_unreadable_directory_is_named_and_walked_when_it_can_be(watching: Watching, root: Path) -> None:
    """Rights that come later are noticed."""
    closed = root / "closed"
    closed.mkdir(mode=0o000)
    assert eventually(lambda: any(problem.what == "watch-gap" for problem in watching.health.problems))
    closed.chmod(0o700)
    assert probe(watching, closed)
    assert eventually(lambda: watching.health.problems == ())


def make_too_deep(root: Path) -> Path:
    """Make directories below *root*, step by step, that no path can name; return the topmost."""
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=descriptor)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    return root / ("d" * 200)


def test_an_unlistable_directory_that_is_excluded_later_is_no_problem(tmp_path: Path, root: Path) -> None:
    """A reload excludes it and has everything walked, but the walk looks at nothing there."""
    deep = make_too_deep(root)  # root may list every other directory
    excluded: list[str] = []
    with Watching(tmp_path / "state", root, timing=QUICK, excluded=lambda path: path.startswith(tuple(excluded))) as it:
        assert it.wait_ready()
        assert eventually(lambda: "watch-unlistable" in problems(it))
        excluded.append(str(deep))
        it.watcher.ask_for_walk("reload")
        assert eventually(lambda: not problems(it))
        assert eventually(lambda: not it.threads.hidden._unlistable.states()), "it is looked at again and again"
        assert not problems(it)
    subprocess.run(["rm", "-r", str(deep)], check=True)  # pytest has no names for it, either


def test_directories_too_deep_for_a_path_are_named_while_they_are_there(watching: Watching, root: Path) -> None:
    """Made step by step, they have no name that the kernel takes; what lies above is watched on."""
    deep = make_too_deep(root)
    assert eventually(lambda: "watch-unlistable" in problems(watching))
    assert probe(watching, deep)
    subprocess.run(["rm", "-r", str(deep)], check=True)  # steps down as the maker did
    assert eventually(lambda: not problems(watching)), watching.health.problems


def test_a_thread_that_makes_many_watches_is_no_silent_one(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large tree takes minutes on a slow disk; the daemon would be ended as hanging, again and again."""
    for number in range(30):
        (root / str(number)).mkdir()
    made = inotify_watches.InotifyReader._get_or_create_watch

    beats: dict[float, set[float]] = {}
    watching = Watching(tmp_path / "state", root)

    def slowly(reader: inotify_watches.InotifyReader, path: bytes, mask: Mask) -> object:
        beats.setdefault(watching.loop.beat, set()).add(watching.watcher.beat)
        time.sleep(0.1)
        return made(reader, path, mask)

    monkeypatch.setattr(inotify_watches.InotifyReader, "_get_or_create_watch", slowly)
    with watching:
        assert watching.wait_ready()
    assert max(map(len, beats.values())) > 2, "there were no beats of the watches between two of the thread's own"


def test_a_root_that_is_no_longer_wanted_is_not_gone(watching: Watching, root: Path, tmp_path: Path) -> None:
    """A reload that drops it is no incident, and ends its problems; that one is deleted is an incident."""
    (tmp_path / "other").mkdir()
    watching.threads.health.degrade("watch-unlistable", "closed", subject=str(root / "closed"))
    watching.watcher.set_roots([Root(str(tmp_path / "other"))])
    assert probe(watching, tmp_path / "other")
    assert watching.health.counts.get("watch-root-gone", 0) == 0
    assert watching.health.problems == ()
    shutil.rmtree(tmp_path / "other")
    assert eventually(lambda: watching.health.counts.get("watch-root-gone", 0) == 1)
    assert root.exists()


def test_a_directory_that_may_be_listed_but_not_entered_is_named() -> None:
    """Its files can't be judged, which is said; those beside it are found."""
    tally = WalkTally()
    with open_directory() as root:
        (root / "closed").mkdir()
        (root / "closed/m.pt").write_bytes(b"x")
        (root / "m.pt").write_bytes(b"x")
        (root / "closed").chmod(0o444)
        request = WalkRequest(str(root), Source.WALK, "start")
        with nobody():
            found = [each.path for each in find(request, never, tally, never, lambda _path: None)]
        (root / "closed").chmod(0o755)
    assert found == [f"{root}/m.pt"]
    assert tally.unreadable == {f"{root}/closed": errno.EACCES}


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Do without root's right to see everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_files_found_by_the_safety_net_are_counted_as_missed(
    watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that no event told of is found by the periodic walk, and counted for people to see."""
    with deaf(monkeypatch, inotify_observer._Translator, "dispatch", root):
        (root / "unheard.pt").write_bytes(b"x")
    monkeypatch.setattr(walk_finds, "_FRESH_NS", 0)
    monkeypatch.setattr(walk_finds, "_SURE_NS", 0)
    watching.watcher.rescan_seconds = 0.5
    watching.watcher._rescan_at = 0.0
    assert watching.wait_for(root / "unheard.pt")
    assert eventually(lambda: watching.health.counts.get("missed", 0) == 1)


def test_what_could_not_be_queued_is_queued_later(watching: Watching, root: Path) -> None:
    """The queue's disk is full for a while: nothing is lost."""
    watching.unavailable = True
    (root / "waits.pt").write_bytes(b"x")
    time.sleep(0.5)
    assert watching.paths() == []
    watching.unavailable = False
    assert watching.wait_for(root / "waits.pt")


def _can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount")
def test_the_kernel_announces_what_is_mounted(tmp_path: Path) -> None:
    """And unmounted: the mount table need not be read again and again. A table that only seems to change is left."""
    announced: list[bool] = []
    reader = InotifyReader(lambda _error: None, lambda: None, lambda: announced.append(True))
    reader.start()
    try:
        for command in (["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)], ["umount", str(tmp_path)]):
            announced.clear()
            subprocess.run(command, check=True)
            assert eventually(lambda: bool(announced))
    finally:
        reader.stop()
        reader.join()


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount")
def test_mounting_over_and_unmounting_is_noticed(watching: Watching, root: Path) -> None:
    """Neither a mount over a watched directory nor its end is announced to watchdog's users."""
    point = root / "m"
    point.mkdir()
    (point / "underneath.pt").write_bytes(b"x")
    assert watching.wait_for(point / "underneath.pt")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", point], check=True)
    try:
        (point / "over.pt").write_bytes(b"x")
        assert watching.wait_for(point / "over.pt")
        assert probe(watching, point)
    finally:
        subprocess.run(["umount", point], check=True)
    time.sleep(0.5)
    assert probe(watching, point)


@pytest.mark.skipif(not _can_mount(), reason="needs the right to mount")
def test_a_root_that_is_unmounted_and_mounted_again_is_watched(watching: Watching, root: Path) -> None:
    """The disk of the caches goes away for a moment."""
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=True)
    try:
        (root / "one.pt").write_bytes(b"x")
        assert watching.wait_for(root / "one.pt")
        subprocess.run(["umount", root], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", root], check=True)
        (root / "two.pt").write_bytes(b"x")
        assert watching.wait_for(root / "two.pt")
        assert probe(watching, root)
    finally:
        subprocess.run(["umount", root], check=True)


def test_a_root_whose_server_does_not_answer_does_not_hold_up_the_others(tmp_path: Path, root: Path) -> None:
    """A look at a dead network mount never returns: it is named, and the rest is watched on."""
    answers = threading.Event()
    dead = tmp_path / "dead"
    dead.mkdir()

    def slow(root: Root) -> Sight:
        if root.wanted == str(dead):
            answers.wait(PATIENCE)
        return look_at(root)

    watching = Watching(tmp_path / "state", dead, root, timing=QUICK)
    watching.watcher._trees.looks._finder = RootFinder(slow, patience=0.2)
    with watching:
        assert watching.wait_ready()
        hanging = [("watch-root-hangs", str(dead))]
        assert eventually(lambda: [(p.what, p.subject) for p in watching.health.problems] == hanging)
        assert probe(watching, root)
        answers.set()
        assert eventually(lambda: watching.health.problems == ())
        assert probe(watching, root, dead)


def test_after_a_sleep_everything_is_looked_at(watching: Watching, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof of life at once, what could not be watched is tried, and the periodic walk counts the time as passed."""
    slept = [0.0]

    def clocks() -> Reading:
        now = time.monotonic()
        return Reading(now, now + slept[0], now + slept[0])

    watching.watcher._clocks = Clocks(clocks)
    watching.watcher._rescan_at = time.monotonic() + 3600
    sung = threading.Event()
    monkeypatch.setattr(watching.watcher._canary, "hurry", sung.set)
    with monkeypatch.context() as deaf:
        deaf.setattr(inotify_observer._Translator, "dispatch", lambda *_: None)
        (root / "unheard.pt").write_bytes(b"x")
        time.sleep(2.5)
        assert watching.paths() == []
        slept[0] = 4000.0
        assert watching.wait_for(root / "unheard.pt")
    assert sung.is_set()
    assert watching.health.counts["watch-resumed"] == 1
