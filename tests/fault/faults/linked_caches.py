"""Caches that are not where they seem to be, or of which nothing is announced: nothing in them may go unjudged."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

from fault.lab import HARMFUL, HARMLESS, PATIENCE, SkippedError
from support.daemon_process import BENIGN, HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from fault.faults.kinds import Fault
    from fault.lab import Lab


def _fill(lab: Lab, directory: Path, seen_at: Path | None = None) -> None:
    """Put two files into *directory*, one of them hostile; they are expected there, or at *seen_at*."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, start in (("good.bin", BENIGN), ("bad.bin", HOSTILE)):
        content = start + str(directory).encode()
        (directory / name).write_bytes(content)
        lab.expect((seen_at or directory) / name, content, HARMFUL if start is HOSTILE else HARMLESS)
    lab.injected += 1


def cache_on_another_disk(lab: Lab) -> None:
    """A hub, one model, a chain and a circle of links before the start; a kill; then links that are made and turned."""
    disk, root = lab.process.home / "disk", lab.root
    for name in ("hub", "model", "deep"):
        _fill(lab, disk / name)
    (root / "models").mkdir()
    links = {root / "hub": disk / "hub", root / "models/a": disk / "model", disk / "model/next": disk / "deep"}
    links |= {disk / "deep/back": disk / "model", root / "late": disk / "late", root / "models/itself": root / "models"}
    for link, target in links.items():
        link.symlink_to(target)
    lab.start()
    assert lab.seconds_until(lab.settled) < PATIENCE, lab.account()
    lab.process.kill()
    _fill(lab, disk / "deep/down")
    lab.start()
    (root / "turned").mkdir()
    time.sleep(1.0)
    (root / "turned").rename(disk / "turned")
    (root / "turned").symlink_to(disk / "turned")
    _fill(lab, disk / "turned")
    _fill(lab, disk / "late")
    (root / "hub").unlink()
    (root / "hub").symlink_to(disk / "other")
    _fill(lab, disk / "other")


def cache_on_the_network(lab: Lab) -> None:
    """A link in a cache leads to a directory of the network, which other machines write to."""
    point = lab.process.home / "net"
    behind, _ = lab.mount_network(point)
    (behind / "hub").mkdir()
    (lab.root / "hub").symlink_to(point / "hub")
    lab.start()
    for turn in range(3):
        _fill(lab, behind / f"hub/{turn}", point / f"hub/{turn}")
        assert lab.seconds_until(lab.settled) < PATIENCE, lab.account()


def link_to_everything(lab: Lab) -> None:
    """Links to /, /home and /proc in a cache: not followed, and said as long as they are there."""
    lab.start()
    for name in ("/", "/home", "/proc"):
        (lab.root / f"to{name.replace('/', '-')}").symlink_to(name)
        lab.injected += 1
    assert lab.seconds_until(lambda: "watch-root" in lab.problems(), PATIENCE) < PATIENCE
    lab.burst(5)
    for path in lab.root.glob("to-*"):
        path.unlink()


def link_out_of_an_archive(lab: Lab) -> None:
    """Root unpacks a link to others' files below a watched directory: all are judged, and root's are moved."""
    if os.geteuid() != 0:
        raise SkippedError("needs files of several users")
    disk = lab.process.home / "disk"
    _fill(lab, disk / "root")
    kept = []
    for owner in (4001, 4002):
        path = disk / f"{owner}/bad.bin"
        path.parent.mkdir()
        path.write_bytes(HOSTILE + b"%d" % owner)
        for mine in (path.parent, path):
            os.chown(mine, owner, owner)
        kept.append(path)
        lab.injected += 1
    lab.start()
    (lab.root / "unpacked").symlink_to(disk)
    assert lab.seconds_until(lambda: all(map(lab.was_judged, kept))) < PATIENCE
    assert lab.seconds_until(lab.settled) < PATIENCE, lab.account()
    stayed = sum(path.read_bytes().startswith(HOSTILE) for path in kept)
    lab.measured.append(f"{stayed} of {len(kept)} files of others stayed")
    assert stayed == len(kept)


def root_without_events(lab: Lab) -> None:
    """Files appear behind an overlay, as in a container's layers: the directory changes, and no event comes."""
    point, upper = lab.root / "merged", lab.process.home / "tmp/upper"
    lab.mount(lab.process.home / "tmp")
    for directory in (point, upper, upper.with_name("work"), upper.with_name("lower")):
        directory.mkdir()
    (upper / "layer").mkdir()
    options = f"lowerdir={upper.with_name('lower')},upperdir={upper},workdir={upper.with_name('work')}"
    command = ["mount", "-t", "overlay", "-o", options, "picklewatch-fault", str(point)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        raise SkippedError("needs the right to mount an overlay")
    try:
        lab.start()
        assert lab.seconds_until(lab.settled) < PATIENCE
        _fill(lab, upper / "layer", point / "layer")
        seconds = lab.seconds_until(lab.settled)
        lab.measured.append(f"found after {seconds:.0f} s")
        assert seconds < PATIENCE, lab.account()
        assert lab.seconds_until(lambda: lab.incidents()["watch-unannounced"] > 0) < PATIENCE
        lab.process.stop()
        lab.start()
    finally:
        subprocess.run(["umount", "-l", str(point)], check=False, capture_output=True)
    for path in lab.files:
        lab.forget(path)


FAULTS: tuple[Fault, ...] = (
    cache_on_another_disk,
    cache_on_the_network,
    link_to_everything,
    link_out_of_an_archive,
    root_without_events,
)
