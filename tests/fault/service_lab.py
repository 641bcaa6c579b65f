"""A laboratory whose daemon is `picklewatch.service` in a booted systemd: one machine for all faults of a run."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from e2e.machine import Machine
from fault.lab import CONFIG, PATIENCE, Lab, SkippedError
from support.daemon_process import Process

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import PurePath

UNIT: Final = "picklewatch"
DROP_INS: Final = Path("/run/systemd/system/picklewatch.service.d")
"""In the machine; gone with the fault."""
WATCHED: Final = Path("/srv/lab")
STATE: Final = Path("/var/lib/picklewatch")
_PROGRAM: Final = """
python3 -m venv /opt/picklewatch
/opt/picklewatch/bin/pip install -q --require-hashes -r requirements.lock
/opt/picklewatch/bin/pip install -q --no-deps --no-build-isolation .
ln -sf /opt/picklewatch/bin/picklewatch /usr/local/bin/picklewatch
"""
_UNITS: Final = """
cd /mnt/picklewatch
install -D -m 644 systemd/picklewatch.sysusers /etc/sysusers.d/picklewatch.conf
systemd-sysusers /etc/sysusers.d/picklewatch.conf
install -m 644 systemd/picklewatch.service systemd/picklewatch@.service /etc/systemd/system/
"""
_booted: list[tuple[Machine, Path]] = []


def machine() -> tuple[Machine, Path]:
    """Boot the machine, once, and say what it shares; it dies with this process. `SkippedError` where that can't be."""
    if not _booted:
        if os.geteuid() != 0 or not Path("/lib/systemd/systemd").exists():
            raise SkippedError("needs root and systemd")
        if subprocess.run(["unshare", "--mount", "--pid", "--fork", "--cgroup", "true"], check=False).returncode:
            raise SkippedError("needs namespaces")
        shared = Path(tempfile.mkdtemp(prefix="picklewatch-machine-"))
        atexit.register(shutil.rmtree, shared, ignore_errors=True)
        for folder in ("state", "srv"):
            (shared / folder).mkdir(mode=0o755)
        _booted.append((_boot(shared), shared))
    return _booted[0]


def _boot(shared: Path) -> Machine:
    scratch = Path(tempfile.mkdtemp(dir=shared))
    booted = Machine(scratch, _PROGRAM, shared)
    booted.__enter__()
    atexit.register(booted.__exit__)
    booted.shell(_UNITS)
    return booted


class _Unit(Process):
    """The unit, where a lab looks for its process."""

    def __init__(self, lab: ServiceLab, home: Path) -> None:
        super().__init__(home)
        self._lab = lab

    def start(self) -> None:
        """Start it, and wait until it is ready."""
        self._lab.machine.run("systemctl", "start", UNIT)

    def stop(self, _number: int = 15) -> int:
        """Stop it; 0 if it ended well."""
        self._lab.machine.run("systemctl", "stop", UNIT)
        return 0 if self._lab.show("Result") == "success" else 1

    def kill(self) -> None:
        """Kill everything that it is; systemd starts it again."""
        self._lab.machine.run("systemctl", "kill", "-s", "KILL", UNIT)


class ServiceLab(Lab):
    """The unit as it is installed, allowed to move files; its root and state are seen through the machine's root."""

    def __init__(self, home: Path, *, config: str = CONFIG, through: tuple[str, ...] = ()) -> None:
        super().__init__(home, config=config, through=through)
        self.process = _Unit(self, home)
        self._config = config
        self._began = time.time()
        self._told_before: set[int] = set()
        """The outcomes that a journal has which went down with its machine."""

    def __exit__(self, *exception: object) -> None:
        """Leave the machine as it was."""
        if "machine" in self.__dict__:
            with contextlib.suppress(RuntimeError, subprocess.TimeoutExpired):
                self.machine.shell(
                    f"systemctl stop {UNIT} || true; systemctl reset-failed; rm -rf {DROP_INS}; systemctl daemon-reload"
                )
        super().__exit__(*exception)

    # --- the machine

    machine: Machine

    def boot(self, *drop_in: str, config: str = "") -> None:
        """Have the machine and the unit ready, with lines *drop_in* and nothing watched but the root."""
        self.machine, self._shared = machine()
        self.root, self.state = self._shared / "srv/lab", self._shared / "state"
        self.machine.shell(f"rm -rf {WATCHED} {STATE}/* {STATE}/.[a-z]*; mkdir -p {WATCHED}")
        self._let_quarantine()
        self.configure(config)
        self.drop_in(*drop_in)

    def _let_quarantine(self) -> None:
        self.machine.shell(
            f"mkdir -p {DROP_INS} /etc/picklewatch\n"
            f"cp /mnt/picklewatch/systemd/picklewatch-quarantine.conf {DROP_INS}/quarantine.conf\n"
        )

    def power_off_and_on(self) -> None:
        """Shut the machine down as its user does, and boot it again with the same disk."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.machine.run("systemctl", "poweroff", check=False)
        place = Path(f"/proc/{self.machine.init}")
        self.wait(lambda: not place.exists() or "State:\tZ" in (place / "status").read_text())
        self.machine.__exit__()
        with self._reading() as connection:  # its journal is gone with it
            self._told_before = {number for (number,) in connection.execute("SELECT id FROM records WHERE reported")}
        _booted[:] = [(_boot(self._shared), self._shared)]
        self.machine = _booted[0][0]
        self._let_quarantine()
        self.configure()
        self.drop_in()

    def seen(self, path: PurePath) -> Path:
        """Where *path* of the machine is from here; not for SQLite, which follows the link that this is to our own."""
        return Path(f"/proc/{self.machine.init}/root{path}")

    @property
    def shared_srv(self) -> Path:
        """The directory that is ``/srv`` in the machine."""
        return self._shared / "srv"

    def configure(self, more: str = "", *, base: str | None = None) -> None:
        """Write the configuration: the lab's, or *base*, and *more*."""
        roots = f'[watch]\ncaches = false\nroots = ["{WATCHED}"]\n'
        self.seen(Path("/etc/picklewatch/config.toml")).write_text(
            (roots + self._config if base is None else base) + more
        )

    def drop_in(self, *lines: str) -> None:
        """Let *lines* stand in the unit's ``[Service]``, and no others of an earlier call."""
        self.seen(DROP_INS / "fault.conf").write_text("\n".join(["[Service]", *lines, ""]))
        self.machine.run("systemctl", "daemon-reload")

    def unmount_in_the_end(self, *points: str) -> None:
        """Have *points* of the machine unmounted, the last first, when the fault is over."""
        for point in points:
            self._cleanup.callback(self.machine.run, "umount", "-l", point, check=False)

    def root_states(self) -> list[str]:
        """Return the state of the roots as the daemon reports it."""
        return [root["state"] for root in self._told().get("roots", ())]

    def show(self, key: str) -> str:
        """A property of the unit."""
        return self.machine.show(UNIT, key)

    @property
    def pid(self) -> int:
        """The daemon's process, by its number out here."""
        inside = self.show("MainPID")
        for status in Path("/proc").glob("[0-9]*/status"):
            with contextlib.suppress(OSError):
                numbers = next(line for line in status.read_text().splitlines() if line.startswith("NSpid:")).split()
                if numbers[2:] == [inside] and Path(status.parent / "ns/pid").readlink() == self._namespace():
                    return int(numbers[1])
        raise AssertionError(f"there is no process {inside} in the machine")

    def _namespace(self) -> Path:
        return Path(f"/proc/{self.machine.init}/ns/pid").readlink()

    def restart_after_kill(self) -> None:
        """Kill it, and wait until systemd has it up again."""
        before = self.show("NRestarts")
        self.process.kill()
        self.wait(lambda: self.show("NRestarts") != before and self.show("ActiveState") == "active")

    def wait(self, check: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Wait for *check*, which must come true."""
        if self.seconds_until(check, seconds) >= seconds:
            raise AssertionError(f"{getattr(check, '__name__', check)}: not within {seconds:.0f} s; {self.told()}")

    def told(self) -> str:
        """Return its state in a line."""
        state = f"{self.show('ActiveState')}, {self.show('StatusText')}"
        return f"{state}, {sorted(self.problems())}, {self.account(limit=2).notes}"

    def settled(self) -> bool:
        """The same, and the journal knows of every outcome."""
        return super().settled() and self.all_logged()

    def judged(self) -> bool:
        """Return True if every file has its truth, however the daemon is otherwise."""
        account = self.account(limit=1)
        return not (account.lost or account.missing)

    # --- what it said

    def entries(self, event: str) -> list[dict[str, Any]]:
        """The journal's entries of *event* since the fault began."""
        match = ["-u", UNIT, f"PICKLEWATCH_EVENT={event}", "--since", f"@{self._began:.0f}"]
        text = self.machine.run("journalctl", "-q", "--no-pager", "-a", "-o", "json", *match, check=False)
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def all_logged(self) -> bool:
        """Return True if the journal has every recorded outcome of the root's files; tombstones are no news."""
        with self._reading() as connection:
            rows = connection.execute("SELECT id, path, verdict FROM records WHERE verdict <> 'skipped'").fetchall()
        recorded = {(os.fsdecode(path), str(said)) for number, path, said in rows if number not in self._told_before}
        told = {(entry["PICKLEWATCH_PATH"], entry["PICKLEWATCH_VERDICT"]) for entry in self.entries("file.scanned")}
        return recorded <= told

    def _place(self, root: str, relative: str) -> Path:
        return self._shared / Path(root).relative_to("/") / relative
