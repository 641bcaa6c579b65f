"""A guard on a file system of its own: marks are set there, and nowhere else on the machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from samples.torch_checkpoint import checkpoint, torch_zip
from support.watching import PATIENCE, eventually

from picklewatch.guard import fanotify

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.")
BENIGN = checkpoint({"weight": [1.0, 2.0, 3.0], "bias": [0.5]})
READ = "read"
REFUSED = "refused"

_OPENER = """
import sys
try:
    with open(sys.argv[1], "rb", 0) as file:
        file.read()
except PermissionError:
    print("refused")
else:
    print("read")
"""


@contextlib.contextmanager
def disk(folder: Path, name: str = "disk") -> Iterator[Path]:
    """Mount a new ext4 below *folder*; skip the test where that, or holding opens, is not possible."""
    if os.geteuid() != 0:
        pytest.skip("holding opens needs root")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("there is no mkfs.ext4")
    image, mounted = folder / f"{name}.img", folder / name
    with image.open("wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-o", "loop", str(image), str(mounted)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no image can be mounted here: {done.stderr.strip()}")
    try:
        _need_permission_events(mounted)
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def _need_permission_events(mounted: Path) -> None:
    try:
        group = fanotify.group(fanotify.CLASS_CONTENT)
        directory = os.open(mounted, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fanotify.mark(group, fanotify.MARK_ADD | fanotify.MARK_FILESYSTEM, fanotify.OPEN_PERM, directory)
        finally:
            os.close(directory)
            os.close(group)
    except OSError as error:
        pytest.skip(f"the kernel holds no opens for us: {error}")


class Guard:
    """``picklewatch guard run`` over the directories *trees*, with the text *config* as its configuration."""

    def __init__(self, folder: Path, *trees: Path, config: str = "") -> None:
        self._log = folder / "guard.log"
        configuration = folder / "guard.toml"
        self.socket = folder / "guard"
        text = f'[log]\nformat = "json"\n[guard]\nsocket = "{self.socket}"\n{config}\n'
        configuration.write_text(text)
        paths = map(str, trees)
        self.command = [sys.executable, "-I", "-m", "picklewatch", "guard", "run", "-c", str(configuration), *paths]
        self._process: subprocess.Popen[bytes] | None = None

    def linked(self) -> str:
        """Return the configuration of a daemon that finds this guard."""
        return f'[guard]\nsocket = "{self.socket}"\n'

    def __enter__(self) -> Self:
        """Start, and wait until it guards."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self.wait_for("guard.ready")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End it as a service manager would, and what it started, even if all of that is stopped."""
        self.kill() if self.warden.poll() is not None else self.end()

    @property
    def warden(self) -> subprocess.Popen[bytes]:
        """The process that was started."""
        assert self._process is not None
        return self._process

    @property
    def answerer(self) -> int:
        """The process that answers now."""
        return int(self.events("guard.ready")[-1]["answerer"])

    @property
    def judge(self) -> int:
        """The process that judges now."""
        return int(self.events("guard.ready")[-1]["judge"])

    def scanners(self) -> list[int]:
        """Return the judge's own processes, which start the scans."""
        return children(self.judge)

    def end(self) -> None:
        """Ask it to end; fail if it does not leave with status 0."""
        self.warden.send_signal(signal.SIGTERM)
        self.warden.send_signal(signal.SIGCONT)
        try:
            status = self.warden.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert status == 0, self.log()

    def kill(self) -> None:
        """Kill the warden, with which the others end."""
        self.warden.kill()
        self.warden.wait()

    def log(self) -> str:
        """Return everything that it wrote."""
        return self._log.read_text(errors="replace")

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return all events *name* so far."""
        lines = [line for line in self.log().split("\n")[:-1] if line.startswith("{")]
        return [event for event in map(json.loads, lines) if event["event"] == name]

    def wait_for(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until there are *count* events *name*; return them."""
        eventually(lambda: len(self.events(name)) >= count or self.warden.poll() is not None)
        events = self.events(name)
        assert len(events) >= count, f"{len(events)} of {count} events {name!r}; the log:\n{self.log()}"
        return events


def children(pid: int) -> list[int]:
    """Return the processes that *pid* has started."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(number) for text in texts for number in text.split()]


class Opener:
    """A process that opens and reads *path*, as a loader would."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-IS", "-c", _OPENER, str(path)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind that waits, if a test fails."""
        self.kill()

    def wait_until_held(self) -> None:
        """Wait until the kernel holds its open."""
        assert eventually(self.is_held)

    def is_held(self) -> bool:
        """Return True if the kernel holds its open now."""
        return "fanotify" in Path(f"/proc/{self.process.pid}/wchan").read_text()

    def kill(self) -> None:
        """Kill it, if it has not ended."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def result(self) -> str:
        """Wait for its end; return `READ` or `REFUSED`."""
        text, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0
        return text.strip()


def opened(path: Path) -> str:
    """Open and read *path* in a process of its own; return `READ` or `REFUSED`."""
    with Opener(path) as opener:
        return opener.result()
