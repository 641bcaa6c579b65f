"""An unprivileged user attacks a root daemon with links: each sentence of the threat model about that is a test."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.machine_users import ADA, MALLORY, Machine, can_isolate, is_taken, snapshot
from support.watching import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not can_isolate(), reason="needs root, and the right to make a mount namespace")


@pytest.fixture
def base() -> Iterator[Path]:
    """Give a directory that all users can reach (pytest closes its own)."""
    with open_directory() as directory:
        yield directory


@pytest.fixture
def machine(base: Path) -> Iterator[Machine]:
    """A machine whose daemon the test starts."""
    with running(Machine(base)) as machine:
        yield machine


@pytest.fixture
def stack() -> Iterator[contextlib.ExitStack]:
    """Give what ends with the test."""
    with contextlib.ExitStack() as stack:
        yield stack


@contextlib.contextmanager
def running(machine: Machine) -> Iterator[Machine]:
    """Stop the daemon in the end, if it was started."""
    try:
        yield machine
    finally:
        if machine.process._process is not None:
            machine.process.stop()


def wait_for_bait(machine: Machine, name: str = "bait") -> None:
    """Wait until a hostile file of the attacker's own, put now in a cache that is watched, is taken."""
    bait = machine.put(machine.mallory / f".cache/whisper/{name}.pkl", name.encode())
    assert eventually(lambda: is_taken(bait)), machine.log()


def said(machine: Machine, text: str, times: int = 1) -> bool:
    """Return True if `status` comes to say *text*, as often as that: what it shows is up to two seconds old."""
    return eventually(lambda: machine.reasons().count(text) >= times)


def turn(machine: Machine, link: Path, target: Path) -> None:
    """Have the attacker's *link* lead to *target*."""

    def act() -> None:
        link.unlink(missing_ok=True)
        link.symlink_to(target)

    machine.as_mallory(act)


def at_the_caches(machine: Machine, victim: Path) -> None:
    """Link caches' roots: directly, by way of another link with ``..`` in it, and tools' that lie elsewhere."""
    (machine.mallory / "step").symlink_to(f"../../{victim.name}")
    for name in (".cache/torch", ".cache/huggingface", ".keras"):
        (machine.mallory / name).symlink_to(victim)
    (machine.cache / "clip").symlink_to("../step")


def above_the_caches(machine: Machine, victim: Path) -> None:
    """Link the directory above all caches."""
    machine.cache.rename(machine.mallory / "was")
    inside = machine.mallory / "own"
    inside.mkdir()
    (inside / "torch").symlink_to(victim)
    machine.cache.symlink_to("own")


LINKED: dict[Callable[[Machine, Path], None], list[str]] = {
    at_the_caches: [".cache/torch", ".cache/huggingface", ".keras", "step"],
    above_the_caches: ["own/torch"],
}


@pytest.mark.parametrize("act", LINKED)
@pytest.mark.parametrize("is_running", [False, True])
def test_a_link_to_what_is_not_the_users_is_not_followed(
    machine: Machine, act: Callable[[Machine, Path], None], *, is_running: bool
) -> None:
    """Whatever the level and the moment: nothing there is moved, read or logged, and `status` says why."""
    victim = machine.victim()
    private = machine.victim("hidden", mode=0o700)
    before = snapshot(victim) | snapshot(private)
    if is_running:
        machine.process.start()
    machine.as_mallory(lambda: act(machine, victim))
    machine.as_mallory(lambda: (machine.mallory / ".fastai").symlink_to(private))
    if not is_running:
        machine.process.start()
    for name in (*LINKED[act], ".fastai"):
        assert said(machine, f"{machine.mallory / name} is not followed"), machine.reasons()
    if act is at_the_caches:
        wait_for_bait(machine)
    assert snapshot(victim) | snapshot(private) == before
    for path in (*victim.iterdir(), *private.iterdir()):
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in machine.log()
        assert path.name not in machine.log()


def test_some_places_are_never_followed(machine: Machine) -> None:
    """The whole machine, its kernel's file systems, all homes, and another's."""
    machine.ada.chmod(0o777)
    targets = ["/", "/home", "/proc", "/proc/self/cwd", "/sys", "/dev/shm", str(machine.homes), str(machine.ada)]
    caches = ["torch", "clip", "suno", "huggingface", "modelscope", "mmengine", "paddle", "wandb"]
    links = dict(zip(map(machine.cache.joinpath, caches), targets, strict=True))

    def turn_all() -> None:
        for link, target in links.items():
            link.symlink_to(target)

    machine.as_mallory(turn_all)
    machine.process.start()
    for link in links:
        assert said(machine, f"{link} is not followed"), link
    wait_for_bait(machine)


def test_an_own_cache_on_another_disk_is_watched(machine: Machine) -> None:
    """A user's own link to a directory of theirs is followed, also one that is made, or turned, later."""
    machine.process.start()
    for number in range(2):
        disk = machine.base / f"disk{number}"
        disk.mkdir()
        os.chown(disk, MALLORY, MALLORY)
        turn(machine, machine.cache / "torch", disk)
        hostile = machine.put(disk / "hub/model.pkl", b"%d" % number)
        assert eventually(partial(is_taken, hostile)), machine.log()
    assert eventually(lambda: machine.reasons() == ""), machine.reasons()


def test_a_link_of_another_user_is_not_followed(machine: Machine) -> None:
    """Nor one that root made in the user's directory: there the user can rename it."""
    disk = machine.base / "disk"
    disk.mkdir()
    os.chown(disk, MALLORY, MALLORY)
    for name, uid in (("torch", 0), ("whisper", ADA)):
        link = machine.cache / name
        link.symlink_to(disk)
        os.lchown(link, uid, uid)
    machine.process.start()
    assert said(machine, "it is a link of root, not of mallory")
    assert said(machine, "it is a link of ada, not of mallory")


def test_links_in_a_circle_are_reported(machine: Machine) -> None:
    """And to themselves."""
    (machine.cache / "torch").symlink_to("whisper")
    (machine.cache / "whisper").symlink_to("torch")
    for name in ("torch", "whisper"):
        os.lchown(machine.cache / name, MALLORY, MALLORY)
    machine.process.start()
    assert said(machine, "symbolic links", times=2)


def test_a_root_that_is_exchanged_for_a_link_all_the_time(machine: Machine) -> None:
    """A cache that is a directory at one moment and a link at the next: nothing of the link's target is touched."""
    victim = machine.victim()
    before = snapshot(victim)
    machine.put(machine.cache / "torch/hub/model.pkl")
    machine.process.start()

    def exchange() -> None:
        other, kept, top = (machine.cache / name for name in ("other", "kept", "torch"))
        other.symlink_to(victim)
        for number in range(1_000):
            top.rename(kept)
            other.rename(top)
            time.sleep(number % 7 / 1000)
            top.rename(other)
            kept.rename(top)
            (top / f"hub/{number % 99}.pkl").write_bytes(b"\x80\x04N.")

    machine.as_mallory(exchange)
    wait_for_bait(machine)
    assert snapshot(victim) == before
    assert all(not path.startswith(str(victim)) for path in machine.moved())


def test_renamed_parents_lead_nowhere_else(machine: Machine) -> None:
    """A directory inside of a cache that becomes a link while its files wait to be judged, or moved."""
    victim = machine.victim()
    before = snapshot(victim)
    machine.process.start()

    def rename() -> None:
        for number in range(100):
            directory = machine.cache / f"torch/{number}"
            directory.mkdir(parents=True)
            for path in victim.iterdir():
                (directory / path.name).write_bytes(b"\x80\x04N.")
            directory.rename(machine.cache / f"torch/was{number}")
            directory.symlink_to(victim)

    machine.as_mallory(rename)
    wait_for_bait(machine)
    assert snapshot(victim) == before
    for path in victim.iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() not in machine.log()


def test_bind_mounts_of_an_own_namespace_change_nothing(machine: Machine) -> None:
    """A mount in a user's own namespace is seen by nobody else."""
    victim = machine.victim()
    before = snapshot(victim)
    machine.put(machine.cache / "torch/own.pkl")
    machine.process.start()
    script = f'mount --bind {victim} {machine.cache}/torch && ls {machine.cache}/torch && touch "$0"; true'
    mark = machine.cache / "mounted"

    def mount() -> None:
        subprocess.run(["unshare", "-Urm", "sh", "-c", script, str(mark)], check=False, timeout=PATIENCE)

    machine.as_mallory(mount)
    wait_for_bait(machine)
    assert snapshot(victim) == before
    if not mark.exists():
        pytest.skip("this kernel gives users no namespaces")


def test_variables_of_a_user_name_no_cache(machine: Machine) -> None:
    """HF_HOME and the like, in the environment of the user's processes, are not read by another user's daemon."""
    victim = machine.victim()
    before = snapshot(victim)
    environment = {"HF_HOME": str(victim), "TORCH_HOME": str(victim), "XDG_CACHE_HOME": str(victim)}
    sleeper = subprocess.Popen(["sleep", "600"], env=environment, user=MALLORY, group=MALLORY, extra_groups=[])
    try:
        machine.process.start()
        wait_for_bait(machine)
        assert all(str(victim) not in str(root) for root in machine.status()["roots"])
        assert snapshot(victim) == before
    finally:
        sleeper.kill()
        sleeper.wait()


def _refusals(machine: Machine) -> dict[str, str]:
    return {told["path"]: told["reason"] for told in machine.status()["refusals"]}


def test_files_of_others_in_a_cache_are_reported_and_stay(machine: Machine) -> None:
    """Root's, another user's, set-id or not, linked or written there; the attacker's own are taken, set-id or not."""
    hub = machine.cache / "torch/hub"
    kept = [
        machine.put(hub / "roots.pkl", b"1", uid=0),
        machine.put(hub / "roots-setid.pkl", b"2", uid=0, mode=0o4755),
        machine.put(hub / "adas.pkl", b"3", uid=ADA),
        machine.put(hub / "adas-dir/adas.pkl", b"4", uid=ADA),
    ]
    victim = machine.victim()
    for path in victim.iterdir():  # as where the kernel lets everybody link everything (fs.protected_hardlinks=0)
        os.link(path, hub / f"linked-{path.name}")
    before = snapshot(victim)
    own = [
        machine.put(hub / "own.pkl", b"5", uid=MALLORY),
        machine.put(hub / "own-setid.pkl", b"6", uid=MALLORY, mode=0o6755),
    ]
    (hub / "open-dir").mkdir()
    os.chown(hub / "open-dir", ADA, MALLORY)
    (hub / "open-dir").chmod(0o775)
    machine.put(hub / "in-it.pkl", b"7", uid=ADA).rename(hub / "open-dir/in-it.pkl")
    machine.process.start()
    assert eventually(lambda: all(map(is_taken, own))), machine.log()
    wait_for_bait(machine)
    assert eventually(lambda: {str(path) for path in kept} <= _refusals(machine).keys()), machine.log()
    assert [path for path in kept if is_taken(path)] == []
    assert snapshot(victim) == before
    refused = _refusals(machine)
    assert "it belongs to root" in refused[str(kept[0])]
    told = {event["path"]: event for event in machine.process.events("file.scanned")}
    assert {told[str(path)]["verdict"] for path in kept} == {"malicious"}
    private = hashlib.sha256((victim / "private.pkl").read_bytes()).hexdigest()
    assert private not in machine.log()
    assert told[str(hub / "linked-private.pkl")]["verdict"] == "unscannable"


def test_a_link_to_a_file_that_its_owner_may_not_read_is_not_read(machine: Machine) -> None:
    """Neither its digest nor what it imports is in a log or record; what they may read is judged, and stays."""
    victim = machine.victim()
    private = machine.victim("hidden", mode=0o700)
    before = snapshot(victim) | snapshot(private)

    def link() -> None:
        (machine.cache / "torch").mkdir()
        for directory in (victim, private):
            for path in ("model.pkl", "private.pkl"):
                (machine.cache / f"torch/{directory.name}-{path}").symlink_to(directory / path)

    machine.as_mallory(link)
    machine.process.start()
    wait_for_bait(machine)
    told = {event["path"]: event for event in machine.process.events("file.scanned")}
    assert told[str(victim / "model.pkl")]["verdict"] == "malicious"
    for secret in (victim / "private.pkl", private / "model.pkl", private / "private.pkl"):
        assert hashlib.sha256(secret.read_bytes()).hexdigest() not in machine.log()
    assert told[str(machine.cache / "torch/hidden-model.pkl")]["verdict"] == "unscannable"
    assert snapshot(victim) | snapshot(private) == before


def test_whoevers_files_are_moved_below_a_directory_that_the_configuration_names(
    base: Path, stack: contextlib.ExitStack
) -> None:
    """Root's set-id files excepted."""
    machine = stack.enter_context(running(Machine(base, f'[watch]\nroots = ["{base}/srv"]\n')))
    srv = base / "srv"
    srv.mkdir()
    taken = [machine.put(srv / f"{uid}.pkl", b"%d" % uid, uid=uid) for uid in (0, ADA, MALLORY)]
    taken.append(machine.put(srv / "setid.pkl", b"setid", uid=ADA, mode=0o4755))
    kept = machine.put(srv / "roots.pkl", b"root", uid=0, mode=0o4755)
    machine.process.start()
    assert eventually(lambda: all(map(is_taken, taken))), machine.log()
    wait_for_bait(machine)
    assert not is_taken(kept)


def test_a_link_of_roots_inside_of_what_the_configuration_names_moves_nobodys_files(
    base: Path, stack: contextlib.ExitStack
) -> None:
    """Root unpacked an archive with a link to a user's directory: its files are judged there, and stay."""
    machine = stack.enter_context(running(Machine(base, f'[watch]\nroots = ["{base}/srv"]\n')))
    disk, srv = base / "disk", base / "srv"
    kept = [machine.put(disk / f"{uid}/m.pkl", b"%d" % uid, uid=uid) for uid in (ADA, MALLORY)]
    own = machine.put(disk / "root/m.pkl", b"root", uid=0)
    srv.mkdir()
    (srv / "unpacked").symlink_to(disk)
    machine.process.start()
    assert eventually(lambda: is_taken(own)), machine.log()
    wait_for_bait(machine)
    assert not any(map(is_taken, kept))
    assert eventually(lambda: len(machine.status()["refusals"]) == len(kept)), machine.status()


def test_a_user_can_not_turn_a_directory_that_the_configuration_names(base: Path, stack: contextlib.ExitStack) -> None:
    """It is exchanged for a link to what is not theirs: not followed. To what is theirs: only theirs is moved there."""
    config = f'[watch]\nroots = ["{base}/homes/mallory/models"]\n'
    machine = stack.enter_context(running(Machine(base, config)))
    victim = machine.victim()
    before = snapshot(victim)
    models = machine.mallory / "models"
    machine.as_mallory(lambda: models.symlink_to(victim))
    machine.process.start()
    assert said(machine, f"{models} is not followed")
    disk = base / "disk"
    disk.mkdir()
    os.chown(disk, MALLORY, MALLORY)
    kept = machine.put(disk / "adas.pkl", b"ada", uid=ADA)
    own = machine.put(disk / "own.pkl", b"own")
    turn(machine, models, disk)
    assert eventually(lambda: is_taken(own)), machine.log()
    wait_for_bait(machine)
    assert not is_taken(kept)
    assert snapshot(victim) == before


def test_a_link_outside_and_then_a_hard_link_inside_hides_nothing(machine: Machine) -> None:
    """The same inode is known by a name outside first; the move is decided over all of its names inside."""
    machine.put(machine.cache / "torch/first.pkl", b"first")
    outside = machine.base / "outside"
    outside.mkdir()
    os.chown(outside, MALLORY, MALLORY)
    machine.process.start()
    for number in range(40):
        machine.put(outside / f"{number}.pkl", b"raced %d" % number)

    def race() -> None:
        for number in range(40):
            (machine.cache / f"torch/s{number}.pkl").symlink_to(outside / f"{number}.pkl")
            os.link(outside / f"{number}.pkl", machine.cache / f"torch/h{number}.pkl")

    machine.as_mallory(race)
    inside = [machine.cache / f"torch/h{number}.pkl" for number in range(40)]
    assert eventually(lambda: all(map(is_taken, inside))), [path for path in inside if not is_taken(path)]


def put_caches_on_another_disk(machine: Machine, disk: Path) -> None:
    """Do as people do whose home is full; one link leads to each place where none may lead."""
    links: dict[str, Path | str] = {
        "huggingface/hub": disk / "hub",
        "torch/hub/checkpoints": disk / "checkpoints",
        "whisper/later": disk / "later",
        "whisper/everything": "/",
        "whisper/up": "..",
        "whisper/adas": machine.ada,
        "whisper/foreign": machine.base / "victim",
    }
    for name in ("hub", "checkpoints/more", "deep"):
        (disk / name).mkdir(parents=True)
    (disk / "checkpoints/next").symlink_to(disk / "deep")
    (disk / "deep/back").symlink_to(disk / "checkpoints")
    for name, target in links.items():
        path = machine.cache / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def test_what_links_inside_of_a_cache_lead_to_is_watched(machine: Machine) -> None:
    """At any level, from the start or later, in chains and circles, over restarts; what is not followed is named.

    One daemon for all of it: each step is another way in which people move a cache.
    """
    victim = machine.victim()
    before = snapshot(victim)
    disk = machine.base / "disk"
    disk.mkdir()
    os.chown(disk, MALLORY, MALLORY)
    machine.as_mallory(partial(put_caches_on_another_disk, machine, disk))
    there = [machine.put(disk / name / "m.pkl", name.encode()) for name in ("hub", "checkpoints", "deep")]
    kept = machine.put(disk / "hub/adas.pkl", b"ada", uid=ADA)
    machine.process.start()
    assert eventually(lambda: all(map(is_taken, there))), machine.log()
    fresh = machine.put(disk / "hub/models--a--b/blobs/fresh", b"fresh")
    assert eventually(lambda: is_taken(fresh)), machine.log()

    def move() -> None:
        (machine.cache / "whisper/moved").mkdir()
        (machine.cache / "whisper/moved").rename(disk / "moved")
        (machine.cache / "whisper/moved").symlink_to(disk / "moved")
        (disk / "later").mkdir()

    machine.as_mallory(move)
    late = [machine.put(disk / name / "m.pkl", name.encode()) for name in ("moved", "later")]
    assert eventually(lambda: all(map(is_taken, late))), machine.log()
    for name in ("everything", "up", "adas", "foreign"):
        assert name == "up" or said(machine, f"whisper/{name} is not followed")
    machine.process.kill()
    after = machine.put(disk / "deep/after.pkl", b"after")
    machine.process.start()
    assert eventually(lambda: is_taken(after)), machine.log()
    assert not is_taken(kept)
    assert snapshot(victim) == before
    assert all(not path.startswith(str(victim)) for path in machine.moved())
