"""Finds of a real daemon, passed on by a real notifier to programs that work, fail and hang."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.daemon_process import HOSTILE, Process
from support.watching import PATIENCE, eventually

from picklewatch.ipc import client
from picklewatch.ipc.messages import StatusAnswer, StatusRequest
from picklewatch.ipc.places import SocketPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

TELL = """\
import json, os, pathlib, sys
here = pathlib.Path(sys.argv[1])
message = json.load(sys.stdin)
if (here / "fail").exists():
    sys.exit("the server is not there")
if (here / "hang").exists():
    (here / "hanging").touch()
    import time
    while True: time.sleep(1)
with (here / "told").open("a") as file: file.write(json.dumps(message) + "\\n")
"""


class Desk:
    """A daemon, and a notifier with one program."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "tell.py").write_text(TELL)
        command = [sys.executable, "-I", str(base / "tell.py"), str(base)]
        self.daemon = Process(base, f"[notify]\ncommand = {json.dumps(command)}\n")
        self._notifier: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the notifier."""
        command = [sys.executable, "-m", "picklewatch", "notify", "run", "-c", str(self.base / "config.toml")]
        with (self.base / "notify.log").open("ab") as log:
            self._notifier = subprocess.Popen([*command, "--state-dir", str(self.daemon.state)], stderr=log)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the notifier; its status."""
        assert self._notifier is not None
        self._notifier.send_signal(number)
        return self._notifier.wait(PATIENCE)

    def put(self, name: str) -> None:
        """Have a hostile file appear."""
        (self.base / "new").write_bytes(HOSTILE + name.encode())
        path = self.daemon.root / name
        path.parent.mkdir(exist_ok=True)
        (self.base / "new").rename(path)

    def told(self) -> list[dict[str, Any]]:
        """What the program was given."""
        with contextlib.suppress(FileNotFoundError):
            return [json.loads(line) for line in (self.base / "told").read_text().splitlines()]
        return []

    def names(self) -> list[str]:
        """The files that it was told of."""
        return [Path(find["path"]).name for message in self.told() for find in message["finds"]]

    def status(self) -> dict[str, Any]:
        """What the daemon answers about itself."""
        heard = client.ask(SocketPlace(self.daemon.state), StatusRequest())
        assert isinstance(heard.answer, StatusAnswer)
        return heard.answer.status


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Both running; both end well."""
    made = Desk(tmp_path)
    with made.daemon:
        made.start()
        yield made
        assert made.stop() == 0


def test_a_find_reaches_the_program(desk: Desk) -> None:
    """One JSON object with everything that a person needs; of each repository one."""
    desk.put("model.pt")
    assert eventually(lambda: desk.names() == ["model.pt"])
    (message,) = desk.told()
    (find,) = message["finds"]
    assert message["kind"] == "finds"
    assert message["title"] == f"picklewatch: 1 malicious file in {desk.daemon.root}"
    assert (find["id"], find["verdict"], find["reason"]) == ("r1", "malicious", "code-execution")
    desk.put("other/model2.pt")
    assert eventually(lambda: desk.names() == ["model.pt", "model2.pt"])


def test_a_program_that_hangs_blocks_nothing(desk: Desk) -> None:
    """Files are judged, and the daemon says nothing against itself; the notifier ends at once when it is asked to."""
    (desk.base / "hang").touch()
    desk.put("one.pt")
    assert eventually((desk.base / "hanging").exists)
    desk.put("other/two.pt")
    assert eventually(lambda: desk.daemon.judged() == 2)
    assert desk.status()["problems"] == []


def test_a_program_that_fails_is_said_and_tried_again(desk: Desk) -> None:
    """The daemon's status names the sink, the reason and what waits; when it works again, nothing is lost."""
    (desk.base / "fail").touch()
    desk.put("one.pt")

    def problem() -> bool:
        return [each["what"] for each in desk.status()["problems"]] == ["notify-failing"]

    assert eventually(problem)
    command = [sys.executable, "-m", "picklewatch", "status", "--state-dir", str(desk.daemon.state)]
    shown = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert shown.returncode == 1
    assert "it ended with status 1: the server is not there" in shown.stdout
    assert "; 1 find waits" in shown.stdout
    (desk.base / "fail").unlink()
    assert eventually(lambda: desk.names() == ["one.pt"])
    assert eventually(lambda: desk.status()["problems"] == [])


def test_a_killed_notifier_goes_on_where_it_was(desk: Desk) -> None:
    """What came meanwhile is told after the next start, what was told is not."""
    desk.put("one.pt")
    assert eventually(lambda: desk.names() == ["one.pt"])
    assert eventually(lambda: '"after": 1' in (desk.daemon.state / "notify.json").read_text())
    assert desk.stop(signal.SIGKILL) == -signal.SIGKILL
    desk.put("other/two.pt")
    assert eventually(lambda: desk.daemon.judged() == 2)
    desk.start()
    assert eventually(lambda: desk.names() == ["one.pt", "two.pt"])


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    """Also after it took the message: nothing of it stays behind."""
    script = f"sleep 1000 & echo $! > {tmp_path}/pid; cat > {tmp_path}/given"
    config = tmp_path / "config.toml"
    config.write_text(f"[notify]\ncommand = {json.dumps(['/bin/sh', '-c', script])}\n")
    command = [sys.executable, "-m", "picklewatch", "notify", "test", "-c", str(config)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, "command: taken\n"), done.stderr
    assert json.loads((tmp_path / "given").read_text())["kind"] == "test"
    left = int((tmp_path / "pid").read_text())
    assert eventually(lambda: not Path(f"/proc/{left}").exists() or b"sleep" not in _command_of(left))


def _command_of(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nonexistent/program"], "it can't be started: No such file or directory"),
        (["/bin/sh", "-c", "echo first >&2; echo the reason >&2; exit 3"], "it ended with status 3: the reason"),
        (["/bin/sh", "-c", "kill -9 $$"], "it was ended by signal 9"),
        (["/bin/sh", "-c", "head -c 3000000 /dev/zero >&2"], ""),
    ],
)
def test_the_test_says_what_failed(tmp_path: Path, command: list[str], said: str) -> None:
    """And exits with 2; one that works may complain at length."""
    config = tmp_path / "config.toml"
    config.write_text(f"[notify]\ncommand = {json.dumps(command)}\n")
    run = [sys.executable, "-m", "picklewatch", "notify", "test", "-c", str(config)]
    done = subprocess.run(run, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == ((2, f"command: {said}\n") if said else (0, "command: taken\n"))


def test_with_nobody_to_tell_it_says_so(tmp_path: Path) -> None:
    """It is a matter of the configuration: starting again would not help."""
    (tmp_path / "config.toml").write_text("")
    command = [sys.executable, "-m", "picklewatch", "notify", "run", "-c", str(tmp_path / "config.toml")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE, env=dict(os.environ))
    assert done.returncode == 78
    assert "nobody is to be told of finds" in done.stderr
