"""The daemon and the guard side by side: verdicts are shared, and neither is in the other's way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from e2e.daemon import Daemon, environment
from support.guarding import BENIGN, HOSTILE, READ, REFUSED, Guard, Opener, disk, opened
from support.watching import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOR_EVER = 'stall = "1h"\nmax_wait = "1h"\n'


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory that both the daemon and the guard look after, with two files."""
    with disk(tmp_path) as mounted:
        folder = mounted / "models"
        folder.mkdir()
        (folder / "hostile.pt").write_bytes(HOSTILE)
        (folder / "benign.pt").write_bytes(BENIGN)
        yield folder


def stop_scanners(guard: Guard) -> None:
    """Have the guard's own judge judge nothing."""
    for scanner in guard.scanners():
        os.kill(scanner, signal.SIGSTOP)


def allow(home: Path, act: str) -> None:
    """Have the hostile content allowed, or no longer."""
    copy = home / "copy.pt"
    copy.write_bytes(HOSTILE)
    words = [str(copy), "--reason", "ours"] if act == "add" else [sha256(HOSTILE).hexdigest()]
    command = [sys.executable, "-m", "picklewatch", "allow", act, *words]
    subprocess.run(command, env=environment(home), check=True, capture_output=True)


def test_what_the_daemon_has_judged_is_not_judged_again(tmp_path: Path, tree: Path) -> None:
    """With no scanner at work, the guard answers by the verdicts of a daemon that was there before it."""
    guard = Guard(tmp_path, tree, config=FOR_EVER)
    with Daemon(tmp_path, str(tree), config=guard.linked()) as daemon:
        daemon.wait_for("file.scanned", 2)
        with guard:
            stop_scanners(guard)
            assert opened(tree / "hostile.pt") == REFUSED
            assert opened(tree / "benign.pt") == READ


def test_what_the_daemon_judges_later_answers_who_waits(tmp_path: Path, tree: Path) -> None:
    """Its verdict on a new file releases the open that waits for the guard's own scan."""
    guard = Guard(tmp_path, tree, config=FOR_EVER)
    with guard:
        stop_scanners(guard)
        with Opener(tree / "hostile.pt") as opener:
            opener.wait_until_held()
            with Daemon(tmp_path, str(tree), config=guard.linked()):
                assert opener.result() == REFUSED
                (tree / "new.pt").write_bytes(HOSTILE + b"new")
                assert opened(tree / "new.pt") == REFUSED


def test_the_daemon_takes_away_what_the_guard_refuses(tmp_path: Path, tree: Path) -> None:
    """Its own opens are not asked about; the tombstone that it leaves is opened, and says its words."""
    guard = Guard(tmp_path, tree)
    with guard:
        assert opened(tree / "hostile.pt") == REFUSED
        config = guard.linked() + '[quarantine]\nlevel = "unsafe"\n'
        with Daemon(tmp_path, str(tree), config=config) as daemon:
            daemon.wait_for("guard.linked")
            daemon.wait_for("quarantine.moved")
            assert opened(tree / "hostile.pt") == READ
            assert b"QUARANTINED" in (tree / "hostile.pt").read_bytes()


def test_a_file_that_a_guard_refuses_the_daemon_is_tried_again(tmp_path: Path, tree: Path) -> None:
    """A guard that has just started does not know the daemon yet: no record says that the file can't be read."""
    with Guard(tmp_path, tree) as guard:
        elsewhere = f'[guard]\nsocket = "{tmp_path}/elsewhere"\n'
        with Daemon(tmp_path, str(tree), config=elsewhere) as daemon:
            assert guard.wait_for("guard.denied")[0]["program"] == "picklewatch"
            guard.end()
            scanned = daemon.wait_for("file.scanned", 2)
    assert {event["path"]: event["verdict"] for event in scanned} == {
        str(tree / "hostile.pt"): "malicious",
        str(tree / "benign.pt"): "clean",
    }


def test_an_allowed_content_is_opened_from_then_on(tmp_path: Path, tree: Path) -> None:
    """The daemon tells the guard anew, and what was refused is judged by what is allowed now."""
    guard = Guard(tmp_path, tree)
    with guard, Daemon(tmp_path, str(tree), config=guard.linked()) as daemon:
        daemon.wait_for("guard.linked")
        assert opened(tree / "hostile.pt") == REFUSED
        allow(tmp_path, "add")
        assert eventually(lambda: opened(tree / "hostile.pt") == READ)


def test_a_content_that_is_no_longer_allowed_is_refused_again(tmp_path: Path, tree: Path) -> None:
    """Also by a guard that had read at its own start what was allowed then."""
    guard = Guard(tmp_path, tree)
    guard.command += ["--state-dir", str(tmp_path / "state" / "picklewatch")]
    with Daemon(tmp_path, str(tree), config=guard.linked()) as daemon:
        daemon.wait_for("file.scanned", 2)
        allow(tmp_path, "add")
        with guard:
            daemon.wait_for("guard.linked")
            assert eventually(lambda: opened(tree / "hostile.pt") == READ)
            allow(tmp_path, "remove")
            assert eventually(lambda: opened(tree / "hostile.pt") == REFUSED)


def test_a_guard_that_starts_anew_is_told_everything_again(tmp_path: Path, tree: Path) -> None:
    """The daemon finds it, and so does each new answerer's table."""
    guard = Guard(tmp_path, tree, config=FOR_EVER)
    with Daemon(tmp_path, str(tree), config=guard.linked()) as daemon:
        daemon.wait_for("file.scanned", 2)
        with guard:
            daemon.wait_for("guard.linked")
            os.kill(guard.answerer, signal.SIGKILL)
            guard.wait_for("guard.ready", 2)
            stop_scanners(guard)
            assert opened(tree / "hostile.pt") == REFUSED
        with guard:
            stop_scanners(guard)
            assert opened(tree / "hostile.pt") == REFUSED


def test_nonsense_on_the_socket_ends_that_connection_alone(tmp_path: Path, tree: Path) -> None:
    """Whoever may connect and says what is no message is not heard any further."""
    with Guard(tmp_path, tree) as guard:
        for line in (b"{}\n", b'{"kind":"known","files":7}\n', b"\xff" * 300_000):
            with socket.socket(socket.AF_UNIX) as connection:
                assert eventually(lambda: connection.connect_ex(str(guard.socket / "daemon.sock")) == 0)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.sendall(line)
                    assert connection.recv(10) == b""
        assert opened(tree / "hostile.pt") == REFUSED
        assert guard.events("guard.restarted") == []


def test_other_users_can_not_connect(tmp_path: Path, tree: Path) -> None:
    """Who could would make a hostile file known as clean."""
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    try:
        able = not subprocess.run([*user, sys.executable, "-IS", "-c", ""], check=False, capture_output=True).returncode
    except OSError:
        able = False
    if not able:
        pytest.skip("another user can't start this interpreter, or there is no setpriv")
    code = "import socket, sys; sys.exit(socket.socket(socket.AF_UNIX).connect_ex(sys.argv[1]))"
    with Guard(tmp_path, tree) as guard:
        for folder in (guard.socket, tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
        command = [*user, sys.executable, "-IS", "-c", code, str(guard.socket / "daemon.sock")]
        assert subprocess.run(command, check=False).returncode == 13
