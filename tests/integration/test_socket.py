"""Two users of one machine and the system's daemon, which answers each of them about their own files."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.daemon_process import HOSTILE
from support.directories import open_directory
from support.machine_users import ADA, MALLORY, Machine, can_isolate, is_taken
from support.watching import PATIENCE, eventually

from picklewatch.core.found_record import record_number
from picklewatch.core.tombstone import parse_tombstone

if TYPE_CHECKING:
    from collections.abc import Iterator

RUN = Path("/run/picklewatch")


pytestmark = pytest.mark.skipif(not can_isolate(), reason="needs root, and a mount namespace for its user database")
_READS = ("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search")
"""For this interpreter, which may lie in root's home; the daemon goes by the user alone."""


class Shared:
    """A workstation of ada's and mallory's with the system's daemon, which has taken a file of each."""

    def __init__(self, base: Path) -> None:
        self.machine = Machine(base, '[scan]\nworkers = 1\n[socket]\ngroup = "daemon"\n')
        self.process = self.machine.process
        self.process.environment["RUNTIME_DIRECTORY"] = str(RUN)
        cache = self.machine.ada / ".cache/torch/hub/checkpoints"
        self.model = self.machine.put(cache / "model.pt", uid=ADA)
        other = self.machine.mallory / ".cache/torch/hub/checkpoints"
        self.others = self.machine.put(other / "other.pt", b"other")
        self.process.start()
        assert eventually(lambda: is_taken(self.model) and is_taken(self.others))

    def item(self, path: Path) -> str:
        """The item that the words of the tombstone name."""
        item = parse_tombstone(path.read_bytes())
        assert item is not None
        return item

    def run(self, uid: int, *words: str, groups: str = "") -> subprocess.CompletedProcess[str]:
        """Run ``picklewatch`` as a user of that machine."""
        command, environment = self._command(uid, words, groups)
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE, cwd="/"
        )

    @contextlib.contextmanager
    def running(self, uid: int, *words: str) -> Iterator[None]:
        """Have it run meanwhile, and end well when it is asked to."""
        command, environment = self._command(uid, words, "")
        process = subprocess.Popen(command, env=environment, cwd="/")
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0

    def _command(self, uid: int, words: tuple[str, ...], groups: str) -> tuple[list[str], dict[str, str]]:
        home = self.machine.ada if uid == ADA else self.machine.mallory
        switch = ["setpriv", "--reuid", str(uid), "--regid", str(uid)]
        switch += ["--groups", groups] if groups else ["--clear-groups"]
        switch += _READS
        command = ["nsenter", "-t", str(self._inside()), "-m", *switch, sys.executable, "-I", "-m", "picklewatch"]
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "COLUMNS": "200"}
        return [*command, *words], environment

    def json(self, uid: int, *words: str) -> Any:
        """Run it for JSON."""
        done = self.run(uid, *words, "--json")
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    def _inside(self) -> int:
        return self.process.process.pid

    def connect(self) -> socket.socket:
        """Connect to the daemon as root."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(f"/proc/{self._inside()}/root{RUN}/daemon.sock")
        return connection


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """The workstation, for all tests: none changes what another looks at."""
    with open_directory() as base:
        made = Shared(base)
        yield made
        assert made.process.stop() == 0


def test_from_the_tombstone_to_the_reason_in_one_command(shared: Shared) -> None:
    """Whoever owns the file is told why, when, what, by whom, and whom to ask; without sudo."""
    told = shared.run(ADA, "quarantine", "show", shared.item(shared.model))
    assert told.returncode == 0, told.stderr
    for said in (
        "malicious: ",
        "means    The pickle imports a function that runs programs",
        str(shared.model),
        "taken ",
        "the system's daemon (process ",
        "Ask the administrator",
    ):
        assert said in told.stdout
    assert "member of the group daemon" in told.stdout
    explained = shared.run(ADA, "explain", str(shared.model))
    assert explained.returncode == 0, explained.stderr
    assert "malicious: " in explained.stdout
    assert "the system's daemon (process " in explained.stdout


def test_anothers_item_looks_like_one_that_never_was(shared: Shared) -> None:
    """Same words, same status, but for the id itself; a list is empty of it, and a status silent."""
    item = shared.item(shared.model)
    known, unknown = (
        shared.run(MALLORY, "quarantine", "show", item),
        shared.run(MALLORY, "quarantine", "show", "0" * 12),
    )
    assert known.returncode == unknown.returncode == 2
    assert known.stderr.replace(item, "ID") == unknown.stderr.replace("0" * 12, "ID")
    assert known.stdout == unknown.stdout == ""
    listed = shared.run(MALLORY, "quarantine", "list").stdout
    assert shared.item(shared.others) in listed
    assert item not in listed
    status = shared.json(MALLORY, "status")
    assert status["answered_by"]["whole"] is False
    assert [record["path"] for record in status["latest"]] == [str(shared.others)]
    assert not any(secret in json.dumps(status) for secret in (str(shared.machine.ada), item, "model.pt"))


def test_status_and_doctor_say_which_daemon_answers(shared: Shared) -> None:
    """Both are healthy; ada sees her directories, her find, and that she needs no daemon of her own."""
    status = shared.run(ADA, "status")
    assert status.returncode == 0, status.stderr
    assert status.stdout.startswith("Answered by the system's daemon (process ")
    (line,) = (line for line in status.stdout.splitlines() if "torch.hub: model.pt  (code-execution)" in line)
    assert record_number(line.split()[0]) is not None
    assert line.endswith("ago, moved to quarantine")
    assert f"{shared.machine.ada}/.cache/torch" in status.stdout, status.stdout
    checks = {check["name"]: check for check in shared.json(ADA, "doctor")["checks"]}
    assert checks["system-daemon"]["state"] == "good"
    assert checks["daemon"]["state"] == "good"
    assert checks["self-test"]["state"] == "good"


def test_a_state_of_ones_own_is_told_of_beside(shared: Shared) -> None:
    """A daemon of ada's own ran once and allowed the content: the system's is asked, and hers is named."""
    state = shared.machine.ada / ".local/state/picklewatch"
    words = (
        "import contextlib, pathlib, sys; from picklewatch.store import Store; p = pathlib.Path(sys.argv[1]); "
        "p.mkdir(parents=True); s = Store(p); s.put_state('daemon', {'version': '0'}); s.close()"
    )
    command = ["setpriv", "--reuid", str(ADA), "--regid", str(ADA), "--clear-groups", *_READS, sys.executable]
    command += ["-I", "-c", words]
    subprocess.run([*command, str(state)], check=True, cwd="/")
    status = shared.run(ADA, "status")
    assert status.returncode == 0, status.stderr
    assert status.stdout.startswith("Answered by the system's daemon (process ")
    assert f"A daemon of your own ran once, and does not now; its state is in {state}." in status.stdout


def test_a_notifier_of_ones_own_tells_of_ones_own(shared: Shared) -> None:
    """Ada's is told of her file, not of mallory's, and her status says how it is doing."""
    told = shared.machine.ada / "told"
    config = shared.machine.base / "notify.toml"
    config.write_text(f"[notify]\ncommand = {json.dumps(['/bin/sh', '-c', f'cat >> {told}'])}\n")
    with shared.running(ADA, "notify", "run", "-c", str(config)):
        assert eventually(lambda: told.exists() and told.read_text().endswith("\n"))
        finds = [find for line in told.read_text().splitlines() for find in json.loads(line)["finds"]]
        paths = {find["path"] for find in finds}
        assert str(shared.model) in paths
        assert str(shared.others) not in paths
        assert shared.item(shared.model) in {find["item"] for find in finds}
    status = shared.run(ADA, "status").stdout
    assert "Messages to you, as far as" in status
    assert "Notify:     command: 1 message sent" in status


def test_a_member_of_the_group_has_metrics(shared: Shared) -> None:
    """A monitor needs no root: without a daemon of its own, the numbers are the system's; a user has none of others."""
    told = shared.run(MALLORY, "status", "--metrics", groups="1")
    assert told.returncode == 0, told.stderr
    assert "picklewatch_up 1" in told.stdout
    assert 'picklewatch_files{verdict="malicious"} 0' in told.stdout  # they were moved
    assert 'picklewatch_away_files{where="moved"}' in told.stdout
    assert "picklewatch_files{" not in shared.run(ADA, "status", "--metrics").stdout


def test_a_member_of_the_group_sees_everything(shared: Shared) -> None:
    """By a supplementary group, as the kernel has it."""
    told = shared.run(MALLORY, "quarantine", "show", shared.item(shared.model), groups="1")
    assert told.returncode == 0, told.stderr
    assert str(shared.model) in told.stdout


def test_a_member_of_the_group_restores_and_deletes(shared: Shared) -> None:
    """The daemon does it: the file is ada's again, and its content is allowed; the other is gone."""
    cache = shared.machine.ada / ".cache/torch/hub/checkpoints"
    back = shared.machine.put(cache / "back.pt", b"back", uid=ADA)
    gone = shared.machine.put(cache / "gone.pt", b"gone", uid=ADA)
    content = HOSTILE + b"back"
    assert eventually(lambda: is_taken(back) and is_taken(gone))
    item = shared.item(gone)
    restored = shared.run(MALLORY, "quarantine", "restore", shared.item(back), "--yes", "--reason", "ours", groups="1")
    assert restored.returncode == 0, restored.stderr
    assert back.read_bytes() == content
    assert back.stat().st_uid == ADA
    assert eventually(lambda: "It lets the file stay" in shared.run(ADA, "explain", str(back)).stdout)
    explained = shared.json(ADA, "explain", str(back))
    assert explained["record"]["verdict"] == "malicious"
    assert explained["system_allows"].startswith("ours (mallory, ")
    assert "picklewatch_restored_files 1\n" in shared.run(MALLORY, "status", "--metrics", groups="1").stdout
    assert "1 allowed; 1 given back from quarantine" in shared.run(MALLORY, "status", groups="1").stdout
    assert shared.run(MALLORY, "quarantine", "delete", item, "--yes", groups="1").returncode == 0
    assert not gone.exists()
    assert not is_taken(back)


def test_users_may_not_restore(shared: Shared) -> None:
    """It is a setting, and off."""
    refused = shared.run(ADA, "quarantine", "restore", shared.item(shared.model), "--yes")
    assert refused.returncode == 2
    assert "you may not restore this file" in refused.stderr
    assert is_taken(shared.model)


def test_a_silent_or_hostile_client_costs_nothing(shared: Shared) -> None:
    """It is dropped or refused, and others are answered meanwhile."""
    nonsense = (
        b"",
        b"{",
        b"x" * 20_000,
        b'{"kind": "status", "kind": "status"}\n',
        b"\xff\n",
        b'{"kind": "status"}\n{',
    )
    hostile = [shared.connect() for _ in nonsense]
    for connection, sent in zip(hostile, nonsense, strict=True):
        connection.sendall(sent)
    assert shared.run(ADA, "status").returncode == 0
    for connection in hostile:
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(4096)
            assert answer == b"" or json.loads(answer)["kind"] == "refusal"
        connection.close()


def test_a_crowd_of_clients_leaves_room(shared: Shared) -> None:
    """One user's connections beyond a few are closed at once; another user's is taken."""
    crowd = [shared.connect() for _ in range(30)]
    assert shared.run(ADA, "status").returncode == 0
    assert [connection.recv(1) for connection in crowd] == [b""] * 30
    for connection in crowd:
        connection.close()


def test_findings_are_answered_without_root(shared: Shared) -> None:
    """Ada is told by the system's daemon what is unsafe of hers now, and what to type; mallory learns nothing of it."""
    cut = shared.model.parent / "cut.pt"
    cut.write_bytes(b"\x80\x02}q\x00X\x05\x00\x00\x00ab")
    os.chown(cut, ADA, ADA)
    assert eventually(lambda: str(cut) in shared.run(ADA, "findings").stdout)
    told = shared.run(ADA, "findings")
    assert (told.returncode, "answered by the system's daemon" in told.stderr) == (2, True)
    assert f"picklewatch explain {cut}" in told.stdout
    assert "model.pt" not in told.stdout  # it was moved
    assert str(cut) not in shared.run(MALLORY, "findings", "--json").stdout
    assert shared.run(ADA, "findings", "--path", "/srv").returncode == 0


def test_an_allowance_of_ones_own_is_not_the_systems(shared: Shared) -> None:
    """Who allows a content without root is told that the system's daemon does not follow."""
    own = shared.machine.ada / "own.bin"
    own.write_bytes(b"own")
    own.chmod(0o644)
    told = shared.run(ADA, "allow", str(own), "--reason", "ours")
    assert told.returncode == 0
    assert "goes by a list of its own, which this does not change: the daemon refused: you may not" in told.stderr
    assert "Ask root, or a member of the group daemon." in told.stderr
    assert shared.run(ADA, "allow", "remove", str(own)).returncode == 0
    tombstone = shared.run(ADA, "allow", str(shared.model), "--reason", "ours")
    assert tombstone.returncode == 2
    assert f"picklewatch quarantine restore {shared.item(shared.model)}" in tombstone.stderr


def test_history_and_ids_are_answered_without_root(shared: Shared) -> None:
    """With every filter; ada's ids lead to her own records alone, and mallory's to none of hers."""
    told = shared.run(ADA, "history", "--json")
    assert told.returncode == 0, told.stderr
    past = [json.loads(line) for line in told.stdout.splitlines()]
    (moved,) = (record for record in past if (record["path"], record["verdict"]) == (str(shared.model), "malicious"))
    assert (moved["where"], moved["item"]) == ("quarantined", shared.item(shared.model))
    assert all(record["path"].startswith(str(shared.machine.ada)) for record in past)
    assert str(shared.others) not in shared.run(ADA, "history", "--limit", "0", "--csv").stdout
    one = shared.run(ADA, "history", "--path", str(shared.model), "--verdict", "malicious", "--json")
    assert one.stdout.count("\n") == 1
    assert shared.run(ADA, "history", "--since", "2099-01-01", "--json").stdout == ""
    for name in (moved["id"], "torch.hub: model.pt"):
        explained = shared.run(ADA, "explain", name)
        assert f"quarantine restore {moved['item']}" in explained.stdout, explained.stderr
    for name in (moved["id"], "torch.hub: model.pt", str(shared.model)):
        assert shared.item(shared.model) in shared.run(ADA, "quarantine", "show", name).stdout
        assert shared.run(MALLORY, "quarantine", "show", name).returncode == 2
    unknown = shared.run(MALLORY, "explain", moved["id"])
    assert (unknown.returncode, f"there is no record {moved['id']}" in unknown.stderr) == (2, True)
    everything = shared.run(MALLORY, "history", "--user", "ada", "--json", groups="1")
    assert {json.loads(line)["path"] for line in everything.stdout.splitlines()} >= {str(shared.model)}


def test_a_member_of_the_group_allows_and_purges(shared: Shared) -> None:
    """By the system's daemon, for a while; ada's status and findings follow at once; what was taken since stays."""
    cut = shared.model.parent / "another.pt"
    cut.write_bytes(b"\x80\x02}q\x00X\x05\x00\x00\x00abc")
    os.chown(cut, ADA, ADA)
    assert eventually(lambda: str(cut) in shared.run(ADA, "findings").stdout)
    allowed = shared.run(MALLORY, "allow", str(cut), "--reason", "ours", "--until", "30d", groups="1")
    assert (allowed.returncode, "allows it, on the whole machine" in allowed.stdout) == (0, True), allowed.stderr
    assert str(cut) not in shared.run(ADA, "findings").stdout
    assert "ours (" in shared.run(ADA, "allow", "list").stdout
    assert shared.run(MALLORY, "allow", "list", "--json").stdout.count("\n") == 1  # their own: ada's is hers
    assert shared.run(MALLORY, "allow", "remove", str(cut), groups="1").returncode == 0
    assert str(cut) in shared.run(ADA, "findings").stdout

    refused = shared.run(ADA, "quarantine", "purge", "--max-items", "0", "--yes")
    assert (refused.returncode, "you may not delete quarantined files" in refused.stderr) == (2, True)
    told = shared.run(MALLORY, "quarantine", "purge", "--older-than", "30d", "--dry-run", groups="1")
    assert (told.returncode, "0 files" in told.stdout) == (0, True), told.stderr
    assert is_taken(shared.model)
