"""Watching: the kernel, the roots and the directories below them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from daemon_process import HOSTILE
from fault.lab import HARMFUL, PATIENCE, SkippedError

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab

WITH_FEW_WATCHES = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'echo 12 > /proc/sys/user/max_inotify_watches && exec "$@"',
    "sh",
)
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()


def overflow(lab: Lab) -> None:
    """More events than the kernel keeps (`max_queued_events`), of 2,000 files, while the daemon does not read."""
    kept = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    files = min(2000, max(200, kept // 8))
    if kept > 200_000:
        raise SkippedError(f"max_queued_events is {kept}")
    lab.start()
    lab.signal([lab.pid], signal.SIGSTOP)
    lab.burst(files)
    # each opening for writing is one more event; equal ones side by side would be one
    for _ in range(kept // files + 1):
        for path in lab.files:
            os.close(os.open(path, os.O_WRONLY))
    lab.signal([lab.pid], signal.SIGCONT)
    assert lab.seconds_until(lambda: lab.incidents()["watch-overflow"] > 0) < 30, "no overflow"
    lab.injected += 1


def root_deleted_and_recreated(lab: Lab) -> None:
    """The watched directory is removed and made again, at once and after a while."""
    lab.start()
    for pause in (0.0, 1.5):
        path = lab.put("sub/x.bin")
        shutil.rmtree(lab.root)
        lab.forget(path)
        time.sleep(pause)
        lab.root.mkdir()
        lab.put("new.bin" if pause else "first.bin")
        lab.burst(10, f"after{pause}/")
        lab.injected += 1
        for gone in lab.files if not pause else ():
            assert lab.seconds_until(lab.settled) < PATIENCE
            lab.forget(gone)


def root_renamed_and_back(lab: Lab) -> None:
    """The watched directory is moved away, written to there, and moved back."""
    lab.start()
    lab.burst(10, "sub/")
    away = lab.root.with_name("away")
    for pause in (0.0, 1.5):
        lab.root.rename(away)
        (away / "sub" / "unseen.bin").write_bytes(HOSTILE + b"unseen")
        time.sleep(pause)
        (away / "sub" / "unseen.bin").unlink()
        away.rename(lab.root)
        lab.burst(10, f"sub/after{pause}/")
        lab.injected += 1


def root_replaced(lab: Lab) -> None:
    """Another directory, with files in it, takes the name of the watched one."""
    lab.start()
    lab.burst(5)
    assert lab.seconds_until(lab.settled) < PATIENCE
    other = lab.root.with_name("other")
    for path in lab.files:
        lab.forget(path)
    lab.root.rename(lab.root.with_name("old"))
    other.mkdir()
    other.rename(lab.root)
    lab.burst(10, "deep/er/")
    lab.injected += 1


def directories_moved_out_and_back(lab: Lab) -> None:
    """Trees move out of the watched directory and in again under other names, while files are put into them."""
    lab.start()
    for index in range(10):
        lab.burst(4, f"tree{index}/a/b/")
        tree = lab.root / f"tree{index}"
        outside = lab.root.with_name(f"outside{index}")
        tree.rename(outside)
        back = lab.root / f"back{index}"
        outside.rename(back)
        lab.moved(tree, back)
        lab.injected += 1


def directory_unreadable(lab: Lab) -> None:
    """A directory loses its permissions while files are in it, and gets them again (a daemon without privileges)."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        raise SkippedError("root needs setpriv to go without its privileges")
    lab.start()
    secret = lab.root / "secret"
    lab.put("secret/in/before.bin")
    assert lab.seconds_until(lab.settled) < PATIENCE
    for index in range(2):
        secret.chmod(0)
        hidden = lab.root.with_name("hidden")
        entering = lab.root / f"entering{index}"
        path = hidden / "deep" / "x.bin"
        path.parent.mkdir(parents=True)
        path.write_bytes(HOSTILE + b"hidden%d" % index)
        lab.expect(entering / "deep" / "x.bin", path.read_bytes(), HARMFUL)
        hidden.chmod(0)
        hidden.rename(entering)
        assert lab.seconds_until(lambda: bool(lab.problems())) < PATIENCE, "not said"
        entering.chmod(0o755)
        secret.chmod(0o755)
        lab.injected += 2
        lab.burst(5, "secret/in/")
        lab.put(f"secret/later{index}/x.bin", hostile=True)


def watch_limit(lab: Lab) -> None:
    """Thirty directories where the kernel allows ten watches (a user namespace of the daemon's own)."""
    if subprocess.run((*WITH_FEW_WATCHES, "true"), check=False, capture_output=True).returncode:
        raise SkippedError("needs user namespaces with their own limits")
    for index in range(30):
        lab.put(f"d{index}/before.bin")
    lab.start()
    lab.injected += 20
    for index in range(30):
        lab.put(f"d{index}/after.bin", hostile=index % 10 == 0)
    assert lab.seconds_until(lambda: not lab.account().missing) < PATIENCE
    assert "watch-gap" in lab.problems(), "the limit was not said"
    for index in range(10, 30):  # the user tidies up: healthy means that all is watched again
        for path in [path for path in lab.files if path.parent.name == f"d{index}"]:
            lab.forget(path)
        shutil.rmtree(lab.root / f"d{index}")


def unmounted_and_mounted(lab: Lab) -> None:
    """The file system of the watched directory goes, another one comes in its place; three times."""
    lab.mount(lab.root)
    lab.start()
    for _ in range(3):
        lab.burst(5)
        assert lab.seconds_until(lab.settled) < PATIENCE
        for path in lab.files:
            lab.forget(path)
        subprocess.run(["umount", str(lab.root)], check=True)
        time.sleep(0.5)
        lab.mount(lab.root)
        lab.injected += 1
    lab.burst(10, "sub/")


FAULTS: tuple[Fault, ...] = (
    overflow,
    root_deleted_and_recreated,
    root_renamed_and_back,
    root_replaced,
    directories_moved_out_and_back,
    directory_unreadable,
    watch_limit,
    unmounted_and_mounted,
)
THROUGH: dict[Fault, tuple[str, ...]] = {watch_limit: WITH_FEW_WATCHES, directory_unreadable: WITHOUT_PRIVILEGES}
"""The command that runs the daemon, where that is part of the fault."""
