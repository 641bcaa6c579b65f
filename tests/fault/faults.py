"""The faults: each starts the daemon of a `Lab`, breaks something, and mends what its user would mend."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from daemon_process import BENIGN, HOSTILE
from fault.lab import HARMFUL, HARMLESS, PATIENCE, UNJUDGED, Lab, SkippedError
from samples.hostile import bombs

from picklewatch.store import DATABASE

Fault = Callable[[Lab], None]


def kill_in_a_burst(lab: Lab) -> None:
    """Kill -9, five times, while 300 files arrive."""
    lab.start()
    for _ in range(5):
        lab.burst(60)
        time.sleep(0.2)
        lab.restart_after_kill()
        lab.injected += 1


def kill_while_files_are_moved(lab: Lab) -> None:
    """Kill -9, five times, while nothing but hostile files arrives and is taken."""
    lab.start()
    for _ in range(5):
        for _ in range(12):
            lab.put(hostile=True)
        time.sleep(0.15)
        lab.restart_after_kill()
        lab.injected += 1


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


def state_full(lab: Lab) -> None:
    """The disk of the database and the vault is full while files arrive; then there is room again."""
    lab.mount(lab.state, "size=16m")
    lab.start()
    lab.burst(20)
    for _ in range(2):
        filler = lab.state / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)) == 4096:
                    pass
            except OSError:
                lab.injected += 1
        lab.burst(100)
        time.sleep(2)
        filler.unlink()


def database_corrupt(lab: Lab) -> None:
    """The database is overwritten with garbage after a crash, and before one."""
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    lab.process.kill()
    lab.garble()
    lab.start()
    assert list(lab.state.glob(f"{DATABASE}.corrupt-*")), "not set aside"
    lab.burst(20)
    time.sleep(1)
    lab.garble()  # a running daemon may not notice: it has its pages in memory (README.md)
    lab.burst(20)
    time.sleep(1)
    lab.restart_after_kill()
    lab.delete_set_aside()


def database_removed(lab: Lab) -> None:
    """Somebody tidies up the state directory of a running daemon."""
    lab.start()
    lab.burst(20)
    assert lab.seconds_until(lab.settled) < PATIENCE
    for side in ("", "-wal", "-shm"):
        (lab.state / f"{DATABASE}{side}").unlink(missing_ok=True)
    lab.injected += 1
    lab.burst(20)


def database_locked(lab: Lab) -> None:
    """Another program holds a write transaction for longer than the daemon waits for one."""
    lab.start()
    lab.burst(10)
    connection = sqlite3.connect(lab.state / DATABASE, timeout=30, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    lab.injected += 1
    lab.burst(30)
    time.sleep(12)
    connection.rollback()
    connection.close()


def second_daemon(lab: Lab) -> None:
    """A second daemon is started on the same state: it ends with 78 and names the first."""
    lab.start()
    for _ in range(3):
        lab.burst(10)
        command = [sys.executable, "-m", "picklewatch", "run", "--state-dir", str(lab.state), str(lab.root)]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (second.returncode, str(lab.pid) in second.stderr) == (78, True), second.stderr
        lab.injected += 1


def scan_crashes(lab: Lab) -> None:
    """The scanning processes are killed by a segmentation fault, again and again."""
    lab.start()
    for index in range(100):
        lab.put(hostile=index % 5 == 0, also=UNJUDGED)
        if index % 4 == 0:
            lab.injected += lab.signal(lab.scanning(), signal.SIGSEGV)


def scan_hangs(lab: Lab) -> None:
    """The scanning processes stop for good: the clock ends them."""
    lab.start()
    for index in range(2):
        lab.injected += lab.signal(lab.scanning(), signal.SIGSTOP)
        for number in range(6):
            lab.put(f"h{index}/{number}.bin", hostile=True, also=UNJUDGED)
        time.sleep(1)


def warm_killed(lab: Lab) -> None:
    """The warm processes of the sandbox are killed while files are scanned."""
    lab.start()
    for _ in range(6):
        lab.burst(20, also=UNJUDGED)  # a file whose warm process died twice under it is unscannable
        lab.injected += lab.signal(lab.warm(), signal.SIGKILL)
        time.sleep(0.5)


def rewritten_all_the_time(lab: Lab) -> None:
    """A file is written anew every 10 ms for four seconds, the last time hostile, while others arrive."""
    lab.start()
    path = lab.root / "busy.bin"
    done = threading.Event()

    def write() -> None:
        while not done.wait(0.01):
            path.write_bytes(BENIGN + b"%d" % lab.injected)
            lab.injected += 1

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(20):
        lab.burst(5, "others/")
        time.sleep(0.2)
    done.set()
    writer.join()
    path.write_bytes(HOSTILE + b"last")
    lab.expect(path, HOSTILE + b"last", HARMFUL)


def sparse_terabyte(lab: Lab) -> None:
    """Two files of 1 TB that take no room, one of them with a pickle at its start."""
    lab.start()
    for name, content in (("empty.bin", b""), ("pickle.bin", HOSTILE)):
        path = lab.root / name
        try:
            with path.open("wb") as file:
                file.write(content)
                file.truncate(1 << 40)
        except OSError as error:
            raise SkippedError(f"the file system says: {error.strerror}") from error
        lab.expect(path, None, UNJUDGED | HARMLESS if not content else UNJUDGED | HARMFUL)
        lab.injected += 1
    lab.burst(20)


def deep_tree(lab: Lab) -> None:
    """Directories 200 deep, made at once and moved in, with files on the way down."""
    lab.start()
    for way in ("made", "moved"):
        base = lab.root if way == "made" else lab.root.with_name("elsewhere")
        for depth in range(20, 201, 20):
            path = base / Path(way, *["d"] * depth, f"{depth}.bin")
            path.parent.mkdir(parents=True)
            content = BENIGN + f"{way}{depth}".encode()
            path.write_bytes(content)
            lab.expect(lab.root / path.relative_to(base), content, HARMLESS)
        if way == "moved":
            (base / way).rename(lab.root / way)
        lab.injected += 1


def bombs_in_a_row(lab: Lab) -> None:
    """Bombs of every kind we know, twice over, with ordinary files between them."""
    lab.start()
    for turn in range(2):
        for name, content in bombs().items():
            path = lab.root / f"{name}-{turn}.bin"
            path.write_bytes(content + b"%d" % turn)
            # whether a bomb is harmful is the engine's tests' matter; here: a verdict, and not "clean"
            lab.expect(path, content + b"%d" % turn, UNJUDGED | HARMFUL | {"unverified", "skipped"})
            lab.injected += 1
            lab.put(hostile=turn == 1)


def suspended(lab: Lab) -> None:
    """The daemon, and then it with its sandbox, stop for three seconds, as when a laptop sleeps."""
    lab.start()
    for everything in (False, True):
        pids = [lab.pid] + ([*lab.warm(), *lab.scanning()] if everything else [])
        lab.signal(pids, signal.SIGSTOP)
        lab.burst(30)
        time.sleep(3)
        lab.signal(pids, signal.SIGCONT)
        lab.injected += 1


def stopped_with_a_full_queue(lab: Lab) -> None:
    """SIGTERM while files wait, and a start; three times."""
    lab.start()
    for _ in range(3):
        lab.burst(80)
        assert lab.process.stop() == 0
        lab.start()
        lab.injected += 1


WITH_FEW_WATCHES = (
    *("unshare", "--user", "--map-root-user", "sh", "-c"),
    'echo 12 > /proc/sys/user/max_inotify_watches && exec "$@"',
    "sh",
)
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all") if os.geteuid() == 0 else ()

FAULTS: tuple[Fault, ...] = (
    kill_in_a_burst,
    kill_while_files_are_moved,
    overflow,
    root_deleted_and_recreated,
    root_renamed_and_back,
    root_replaced,
    directories_moved_out_and_back,
    directory_unreadable,
    watch_limit,
    unmounted_and_mounted,
    state_full,
    database_corrupt,
    database_removed,
    database_locked,
    second_daemon,
    scan_crashes,
    scan_hangs,
    warm_killed,
    rewritten_all_the_time,
    sparse_terabyte,
    deep_tree,
    bombs_in_a_row,
    suspended,
    stopped_with_a_full_queue,
)
"""All of them, in the order of the table."""

THROUGH: dict[Fault, tuple[str, ...]] = {watch_limit: WITH_FEW_WATCHES, directory_unreadable: WITHOUT_PRIVILEGES}
"""The command that runs the daemon, where that is part of the fault."""
