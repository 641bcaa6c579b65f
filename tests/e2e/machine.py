"""A throw-away machine: a real systemd, booted in namespaces over an overlay of this machine's root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Self

from support.watching import PATIENCE, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).parent
TREE = HERE.parent.parent


class Machine:
    """The booted machine. Nothing that happens in it outlives it; whatever happens here, it dies with this process."""

    def __init__(self, scratch: Path, install: str, shared: Path | None = None) -> None:
        """Prepare in the folder *scratch*; *install* is the shell script that installs picklewatch before the boot.

        The folders ``state`` and ``srv`` in *shared* are its ``/var/lib/picklewatch`` and ``/srv``.
        """
        self._shared = [] if shared is None else [str(shared)]
        self._scratch = scratch
        self._install = install
        self._cgroup = _own_cgroup() / f"picklewatch-test-{os.getpid()}"
        self._console = scratch / "console"
        self._init = 0
        self._unshare: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Boot; return when systemd says that it is up."""
        root = self._scratch / "machine"
        root.mkdir()
        script = self._scratch / "install"
        script.write_text(self._install)
        self._cgroup.mkdir()
        try:
            self._boot(root, script)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the machine's first process, and with it everything in it."""
        self._stop()

    def _boot(self, root: Path, script: Path) -> None:
        join = 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"'
        # when this process dies, unshare is killed, and its child, the machine's first process, with it
        unshare = ["setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--fork"]
        unshare += ["--mount", "--pid", "--cgroup", "--uts", "--ipc"]
        command = ["sh", "-c", join, "sh", str(self._cgroup), *unshare, "sh"]
        command += [str(HERE / "boot.sh"), str(root), str(TREE), str(script), *self._shared]
        with self._console.open("wb") as console:
            self._unshare = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self.wait_for(self._is_systemd)  # it installs first, from a mirror
        self.wait_for(lambda: self.run("systemctl", "is-system-running", check=False).strip() == "running")

    def _is_systemd(self) -> bool:
        assert self._unshare is not None
        if self._unshare.poll() is not None:
            raise RuntimeError(f"The machine did not boot:\n{self._console.read_text(errors='replace')}")
        children = Path(f"/proc/{self._unshare.pid}/task/{self._unshare.pid}/children").read_text().split()
        if not children:
            return False
        self._init = int(children[0])
        try:
            return Path(f"/proc/{self._init}/exe").readlink().name == "systemd"
        except FileNotFoundError:  # it has just ended; the next look tells why
            return False

    def _stop(self) -> None:
        if self._unshare is not None:
            self._unshare.kill()
            self._unshare.wait(PATIENCE)
        # the cgroups empty as the kernel reaps what was in them
        assert eventually(self._is_swept)

    def _is_swept(self) -> bool:
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()
        return not self._cgroup.exists()

    @property
    def init(self) -> int:
        """The machine's first process, by its number out here; ``/proc/NUMBER/root`` is the machine's root."""
        return self._init

    def run(self, *command: str, user: str | None = None, check: bool = True) -> str:
        """Run *command* in the machine, as root or as *user* with that user's manager; return what it printed."""
        nsenter = ["nsenter", "-t", str(self._init), *["-m", "-p", "-u", "-i", "-n", "-C", "-r"]]
        environment = ["PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=dumb"]
        switch: list[str] = []
        if user is not None:
            uid = self.run("id", "-u", user).strip()
            environment += [f"HOME=/home/{user}", f"XDG_RUNTIME_DIR=/run/user/{uid}"]
            switch = ["setpriv", "--reuid", uid, "--regid", uid, "--init-groups"]
        result = subprocess.run(
            [*nsenter, *switch, "env", "-C", "/", "-i", *environment, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=PATIENCE,
        )
        if check and result.returncode != 0:
            said = f"{command} ended with status {result.returncode}:\n{result.stdout}"
            raise RuntimeError(f"{said}\nThe machine's journal:\n{self._journal()}")
        return result.stdout

    def shell(self, script: str, *, user: str | None = None) -> str:
        """Run *script* in a shell of the machine; return what it printed."""
        return self.run("sh", "-euc", script, user=user)

    def show(self, unit: str, key: str, *, user: str | None = None) -> str:
        """The property *key* of *unit*, of the machine's manager or of *user*'s."""
        manager = ["--user"] if user else []
        return self.run("systemctl", *manager, "show", "-p", key, "--value", unit, user=user).strip()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds; fail with the machine's journal if it never does."""
        assert eventually(condition), f"the machine's journal:\n{self._journal()}"

    def _journal(self) -> str:
        if not self._init:
            return self._console.read_text(errors="replace")
        return self.run("journalctl", "--no-pager", "-q", "-n", "60", check=False)


def _own_cgroup() -> Path:
    """Where a cgroup of the unified hierarchy may be made: below this process's own, so that its limits still count."""
    mount = Path("/sys/fs/cgroup/unified")
    if not mount.is_dir():
        mount = Path("/sys/fs/cgroup")
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            return mount / line.removeprefix("0::").lstrip("/")
    raise RuntimeError("There is no unified cgroup hierarchy here.")
