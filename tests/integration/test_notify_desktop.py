"""Messages on a desktop: a real bus, and a stand-in for what shows them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.daemon_process import HOSTILE, Process
from support.desktop import BUS, Session
from support.watching import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not os.access(BUS, os.X_OK), reason="needs dbus-daemon")
NOTIFY = [sys.executable, "-m", "picklewatch", "notify"]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A bus without a desktop."""
    with Session(tmp_path) as made:
        yield made


def deliver(session: Session, title: str, text: str) -> subprocess.CompletedProcess[str]:
    """Have one message shown."""
    return subprocess.run(
        [sys.executable, "-I", "-m", "picklewatch.notify.deliver", "desktop"],
        input=json.dumps({"title": title, "text": text}),
        env=session.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_the_test_is_shown(session: Session) -> None:
    """Once there is a desktop; before that, the reason is said."""
    command = [*NOTIFY, "test", "--desktop"]
    done = subprocess.run(
        command, env=session.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 2
    assert "the desktop shows no messages: org.freedesktop.DBus.Error." in done.stdout
    session.start_desktop()
    done = subprocess.run(
        command, env=session.environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (0, "desktop: taken\n")
    (shown,) = session.shown()
    assert (shown["from"], shown["title"]) == ("picklewatch", "picklewatch: a test")


def test_names_are_no_markup(session: Session) -> None:
    """A desktop reads the text as markup: a file's name must not make a link, nor end the message."""
    session.start_desktop()
    done = deliver(session, "<b>&", 'a <a href="x">&amp;</a>\0b \udcff é')
    assert done.returncode == 0, done.stderr
    (shown,) = session.shown()
    assert shown["title"] == "<b>&"  # a title is none
    assert shown["text"] == 'a &lt;a href="x"&gt;&amp;amp;&lt;/a&gt;b ? é'


def test_a_long_message_arrives(session: Session) -> None:
    """Every length has its own padding; the bus closes the connection if one is wrong."""
    session.start_desktop()
    for length in (*range(12), 60_000):
        assert deliver(session, "t" * length, "x" * (length + 3)).returncode == 0
    assert len(session.shown()) == 13


def test_without_a_session_it_says_so(tmp_path: Path) -> None:
    """As a service that was started before anybody logged in."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DBUS_", "XDG_RUNTIME"))}
    command = [*NOTIFY, "test", "--desktop"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 2
    assert "there is no session's bus here" in done.stdout
    environment["XDG_RUNTIME_DIR"] = str(tmp_path)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert "the session's bus can't be asked: No such file or directory" in done.stdout


def test_a_find_waits_for_the_desktop(session: Session, tmp_path: Path) -> None:
    """Found before anybody logged in, shown when somebody has."""
    with Process(tmp_path, "[notify]\ncommand = ['/bin/false']\n") as daemon:
        command = [*NOTIFY, "run", "--desktop", "-c", str(tmp_path / "config.toml"), "--state-dir", str(daemon.state)]
        log = tmp_path / "notify.log"
        with log.open("wb") as out:
            notifier = subprocess.Popen(command, env=session.environment, stderr=out)
        (tmp_path / "new").write_bytes(HOSTILE)
        (tmp_path / "new").rename(daemon.root / "model.pt")
        assert eventually(lambda: "notify.failed" in log.read_text())
        session.start_desktop()
        assert eventually(lambda: len(session.shown()) == 1)
        (shown,) = session.shown()
        assert "1 malicious file in" in str(shown["title"])
        assert f"malicious: {daemon.root}/model.pt (code-execution)" in str(shown["text"])
        notifier.terminate()
        assert notifier.wait(PATIENCE) == 0
