"""A kernel, a container or a unit that lacks or forbids parts of the sandbox: said loudly, or refused."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sandbox_acts.hostile import JOB
from support.commands import CLEAN, EVIL, Commands
from support.directories import open_directory
from support.watching import PATIENCE, eventually

from picklewatch.core.model import Limits
from picklewatch.sandbox import Scanner, kernel
from picklewatch.sandbox import process as process_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.core.model import ScanReport

FORBID = Path(__file__).parents[1] / "support" / "forbid.py"
LANDLOCK, SECCOMP = "this kernel has no Landlock", "this kernel has no seccomp filters"
LACKING = {
    "no landlock": (("landlock=ENOSYS",), (LANDLOCK,)),
    "landlock switched off": (("landlock=EOPNOTSUPP",), (LANDLOCK,)),
    "no seccomp filters": (("seccomp=EINVAL",), (SECCOMP,)),
    "no seccomp": (("seccomp=ENOSYS",), (SECCOMP,)),
    "neither": (("landlock=ENOSYS", "seccomp=EINVAL"), (LANDLOCK, SECCOMP)),
}
FORBIDDEN = {"landlock": "landlock=EPERM", "seccomp": "seccomp=EPERM", "both": "landlock=EPERM,seccomp=EACCES"}


class Under(Commands):
    """Runs the command under a kernel that lacks something."""

    def __init__(self, home: Path, *wishes: str) -> None:
        super().__init__(home)
        self._wishes = wishes

    def line(self, *arguments: str | Path) -> list[str]:
        """Return the whole command line."""
        return [sys.executable, str(FORBID), *self._wishes, "--", *super().line(*arguments)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a harmless file and an attack."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "good").write_bytes(CLEAN)
    (folder / "bad").write_bytes(EVIL)
    return folder


@pytest.mark.parametrize("way", LACKING)
def test_scan_works_and_says_what_is_missing(tmp_path: Path, files: Path, way: str) -> None:
    """The verdicts are the same; standard error has one warning for each lack."""
    wishes, words = LACKING[way]
    done = Under(tmp_path, *wishes)("scan", "--format", "json", files)
    assert done.returncode == 1
    assert sorted(json.loads(line)["verdict"] for line in done.stdout.splitlines()) == ["clean", "malicious"]
    assert all(word in done.stderr for word in words)
    assert done.stderr.count("the sandbox is incomplete") == len(words)


@pytest.mark.parametrize(
    ("way", "command"), [(way, "scan") for way in LACKING] + [("no landlock", "run"), ("no seccomp filters", "doctor")]
)
def test_what_requires_the_sandbox_refuses(tmp_path: Path, files: Path, way: str, command: str) -> None:
    """With ``require_sandbox`` nothing is scanned; the status is the documented one, the reason and a hint are said."""
    wishes, words = LACKING[way]
    done = Under(tmp_path, *wishes)(
        command, *([] if command == "doctor" else [files]), PICKLEWATCH_SCAN_REQUIRE_SANDBOX="true"
    )
    assert done.returncode == (1 if command == "doctor" else 78)
    said = " ".join((done.stdout + done.stderr).split())
    assert all(word in said for word in words)
    assert "libseccomp2" in said


@pytest.mark.parametrize(
    ("way", "command"),
    [("landlock", "scan"), ("seccomp", "scan"), ("both", "scan"), ("seccomp", "run"), ("both", "doctor")],
)
def test_a_filter_around_us_is_a_mistake_to_mend(tmp_path: Path, files: Path, way: str, command: str) -> None:
    """An old unit's or a container's filter is not taken for an old kernel: refused in any case, with the setting."""
    done = Under(tmp_path, *FORBIDDEN[way].split(","))(command, *([] if command == "doctor" else [files]))
    assert done.returncode == (1 if command == "doctor" else 78)
    said = " ".join((done.stdout + done.stderr).split())
    assert "calls are refused" in said
    assert "SystemCallFilter=" in said


@pytest.mark.parametrize("way", ["landlock switched off", "neither"])
def test_the_daemon_says_it_everywhere(tmp_path: Path, files: Path, way: str) -> None:
    """In the log once, in ``status`` for people and programs, and to systemd; the daemon is healthy all the same."""
    wishes, words = LACKING[way]
    run = Under(tmp_path, *wishes)
    with open_directory() as directory, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        address = directory / "notify"
        notify.bind(str(address))
        notify.settimeout(PATIENCE)
        with _daemon(run, files, address) as log:
            assert eventually(lambda: "watch.ready" in log.read_text())
            heard = ""
            while "STATUS=healthy; the sandbox is incomplete" not in heard:
                heard = notify.recv(4096).decode()
            assert eventually(lambda: json.loads(Commands(tmp_path)("status", "--json").stdout)["healthy"])
            told = json.loads(Commands(tmp_path)("status", "--json").stdout)
            assert all(any(word in text for text in told["unprotected"]) for word in words)
            shown = Commands(tmp_path)("status").stdout
            assert shown.count("! the sandbox is incomplete: ") == len(words)
        (said,) = (json.loads(line) for line in log.read_text().splitlines() if '"scan.sandbox"' in line)
        assert (said["level"], said["complete"], len(said["missing"])) == ("warning", False, len(words))


@contextmanager
def _daemon(run: Commands, folder: Path, address: Path) -> Iterator[Path]:
    log = run.home / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            run.line("run", folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=file,
            env={**run.environ, "NOTIFY_SOCKET": str(address)},
        )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5, 6])
def test_every_version_of_landlock_holds(monkeypatch: pytest.MonkeyPatch, abi: int) -> None:
    """An older kernel's smaller ruleset is what is asked for, and files stay out of reach without seccomp, too."""
    if kernel.landlock_abi() < abi:
        pytest.skip(f"this kernel has Landlock {kernel.landlock_abi()}")
    older = (
        "from picklewatch.sandbox import kernel, lockdown; "
        f"kernel.landlock_abi = lambda: {abi}; kernel.seccomp_filters = lambda: False; "
    )
    boot = process_module._BOOT.replace("main(control,", f"{older}main(control,")
    monkeypatch.setattr(process_module, "_BOOT", boot)
    marker = Path("/tmp/picklewatch-was-here")
    with Scanner(Limits(seconds=20), job=JOB) as scanner:
        assert scanner.protections.landlock_abi == abi
        assert not scanner.protections.seccomp
        for act in ("open", "create", "list", "unlink", "exec", "spawn" if os.geteuid() else "exec"):
            assert not _scan(scanner, act).complete
        assert _scan(scanner, "pid").complete
    assert not marker.exists()


def _scan(scanner: Scanner, act: str) -> ScanReport:
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, act.encode() + b"\n" + bytes(100))
        return scanner.scan(descriptor)
    finally:
        os.close(descriptor)
