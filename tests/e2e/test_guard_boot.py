"""The guard's unit in a real systemd, beside the daemon's, installed by the commands of docs/install.md.

Its only guarded directory is on a file system that this test makes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from e2e.machine import Machine
from e2e.test_systemd_boot import BENIGN, commands, hostile, journal, main_pid, put, run_block
from support.guarding import disk

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.systemd

GUARD = "picklewatch-guard"
RIGHTS = 1 << 2 | 1 << 14 | 1 << 21 | 1 << 28
"""CAP_DAC_READ_SEARCH, CAP_IPC_LOCK, CAP_SYS_ADMIN, CAP_LEASE."""
REFUSED = "Operation not permitted"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted machine with both units at work; they look after ``/srv/models`` alone."""
    shared = tmp_path_factory.mktemp("shared")
    (shared / "state").mkdir()
    script = "useradd --create-home alice\n" + "\n".join(commands("program"))
    with (
        disk(shared, "srv"),
        Machine(tmp_path_factory.mktemp("boot"), script, shared) as booted,
    ):
        booted.shell(
            "install -d -o alice /srv/models\ninstall -d /etc/picklewatch\n"
            "printf '[watch]\\ncaches = false\\nroots = [\"/srv/models\"]\\n' > /etc/picklewatch/config.toml"
        )
        run_block(booted, "system")
        run_block(booted, "guard")
        booted.wait_for(lambda: bool(journal(booted, "picklewatch", "guard.linked")))
        yield booted


def opened(machine: Machine, path: str) -> str:
    """Read *path* as alice; return what was said."""
    return machine.shell(f"cat {path} 2>&1 > /dev/null || true", user="alice")


def test_a_hostile_file_is_refused_and_a_benign_one_is_read(machine: Machine) -> None:
    """To its own owner, as soon as it is there; the journal has native fields."""
    put(machine, "/srv/models/hostile.pt", hostile(1), "alice")
    put(machine, "/srv/models/benign.pt", BENIGN, "alice")
    assert REFUSED in opened(machine, "/srv/models/hostile.pt")
    assert opened(machine, "/srv/models/benign.pt") == ""
    machine.wait_for(lambda: bool(journal(machine, GUARD, "guard.denied")))
    denied = journal(machine, GUARD, "guard.denied")[0]
    assert denied["PICKLEWATCH_PATH"] == "/srv/models/hostile.pt"
    assert denied["PICKLEWATCH_VERDICT"] == "malicious"
    assert denied["PICKLEWATCH_PROGRAM"] in ("cat", "")  # it may have ended where the daemon's verdict was there first


def test_its_rights_are_four(machine: Machine) -> None:
    """And it is no root."""
    lines = machine.run("cat", f"/proc/{main_pid(machine, GUARD)}/status").splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert {int(fields[name], 16) for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {RIGHTS}
    assert fields["Uid"].split()[0] != "0"
    assert fields["NoNewPrivs"] == "1"


def test_a_killed_guard_is_started_again_and_a_stopped_one_is_not(machine: Machine) -> None:
    """Who opens meanwhile passes: the kernel does not hold what nobody answers."""
    machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", GUARD)
    machine.wait_for(lambda: len(journal(machine, GUARD, "guard.ready")) > 1)
    assert REFUSED in opened(machine, "/srv/models/hostile.pt")
    machine.run("systemctl", "stop", GUARD)
    assert opened(machine, "/srv/models/hostile.pt") == ""
    assert machine.show(GUARD, "ActiveState") == "inactive"
