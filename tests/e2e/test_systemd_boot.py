"""The units in a real systemd, installed by the very commands of docs/install.md."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from e2e.machine import TREE, Machine
from samples.torch_checkpoint import checkpoint, torch_zip

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.systemd

BENIGN = checkpoint({"weight": [1.0, 2.0]})
CAP_DAC_READ_SEARCH = 1 << 2
CAP_LEASE = 1 << 28
HOMES = """
for user in alice bob; do
    useradd --create-home $user
    install -d -o $user -g $user /home/$user/.cache /home/$user/.cache/huggingface /home/$user/.cache/huggingface/hub
    chmod 700 /home/$user
done
"""


def hostile(number: int) -> bytes:
    """A checkpoint that would run a harmless command; each *number* another content."""
    return torch_zip(b"\x80\x02cposix\nsystem\nX\x06\x00\x00\x00echo %d\x85R." % (number % 10))


def commands(block: str) -> list[str]:
    """The lines of the block of docs/install.md, or notify.md, that is marked ``<!-- run: block -->``."""
    text = "\n".join((TREE / "docs" / page).read_text() for page in ("install.md", "notify.md"))
    found = re.search(rf"<!-- run: {block} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found, f"docs have no block {block!r}"
    return found[1].splitlines()


def needs_network(line: str) -> bool:
    """Return True if *line* is to run before the boot: the booted machine has no network."""
    return "-m venv" in line or "pip install" in line


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A booted machine with picklewatch in /opt and in alice's home, two users, and no unit yet."""
    alice = [line for line in commands("user") if needs_network(line)]
    script = [
        HOMES,
        *commands("program"),
        *(line for line in commands("upgrade") if needs_network(line)),
        *(line for line in commands("notify") if needs_network(line)),
        "setpriv --reuid alice --regid alice --init-groups env HOME=/home/alice sh -euc '\n" + "\n".join(alice) + "\n'",
    ]
    with Machine(tmp_path_factory.mktemp("boot"), "\n".join(script)) as booted:
        yield booted


def run_block(machine: Machine, block: str, user: str | None = None) -> None:
    """Run what is left of *block* after the installation."""
    lines = [line for line in commands(block) if not needs_network(line)]
    machine.shell("cd /mnt/picklewatch\n" + "\n".join(lines), user=user)


def put(machine: Machine, path: str, content: bytes, user: str) -> None:
    """Write *content* to *path* as *user*, by a rename, as downloaders do."""
    encoded = base64.b64encode(content).decode()
    machine.shell(
        f"mkdir -p $(dirname {path}); echo {encoded} | base64 -d > {path}.part; mv {path}.part {path}", user=user
    )


def journal(machine: Machine, unit: str, event: str, *, user: str | None = None) -> list[dict[str, Any]]:
    """The entries of *unit* for *event*, with their native fields."""
    match = ["--user-unit" if user else "--unit", unit, f"PICKLEWATCH_EVENT={event}"]
    text = machine.run("journalctl", "-q", "--no-pager", "-a", "-o", "json", *match, user=user, check=False)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def verdicts(machine: Machine, unit: str, path: str, *, user: str | None = None) -> list[str]:
    """Every verdict that *unit* logged for *path*."""
    events = journal(machine, unit, "file.scanned", user=user)
    return [event["PICKLEWATCH_VERDICT"] for event in events if event["PICKLEWATCH_PATH"] == path]


def cached(user: str, name: str) -> str:
    """A path in the Hugging Face cache of *user*."""
    return f"/home/{user}/.cache/huggingface/hub/models--org--model/blobs/{name}"


def wait_verdict(machine: Machine, unit: str, path: str, verdict: str, *, user: str | None = None) -> None:
    """Wait until *unit* has judged *path*, once, as *verdict*."""
    machine.wait_for(lambda: bool(verdicts(machine, unit, path, user=user)))
    assert verdicts(machine, unit, path, user=user) == [verdict]


def main_pid(machine: Machine, unit: str, *, user: str | None = None) -> str:
    """The daemon's process in the machine."""
    return machine.show(unit, "MainPID", user=user)


@pytest.fixture(scope="module")
def service(machine: Machine) -> Machine:
    """The machine with the system unit running; its watchdog made impatient."""
    machine.shell(
        "mkdir -p /run/systemd/system/picklewatch.service.d; cd /run/systemd/system/picklewatch.service.d\n"
        "printf '[Service]\\nWatchdogSec=2s\\nTimeoutAbortSec=1s\\nRestartSec=100ms\\n' > test.conf"
    )
    run_block(machine, "system")
    return machine


def test_the_unit_is_ready_and_scans_other_users_files(service: Machine) -> None:
    """``systemctl start`` returns when it watches; a hostile file in a closed home is judged, with native fields."""
    assert service.show("picklewatch", "ActiveState") == "active"
    assert service.show("picklewatch", "StatusText")
    put(service, cached("alice", "benign"), BENIGN, "alice")
    put(service, cached("alice", "hostile"), hostile(0), "alice")
    wait_verdict(service, "picklewatch", cached("alice", "hostile"), "malicious")
    wait_verdict(service, "picklewatch", cached("alice", "benign"), "clean")
    (event,) = [
        event
        for event in journal(service, "picklewatch", "file.scanned")
        if event["PICKLEWATCH_PATH"] == cached("alice", "hostile")
    ]
    assert event["PRIORITY"] == "3"
    assert event["SYSLOG_IDENTIFIER"] == "picklewatch"


def test_the_hardening_is_in_effect(service: Machine) -> None:
    """One capability, a filter on system calls, no network, and no place to write but its own state."""
    pid = main_pid(service, "picklewatch")
    status = dict(
        line.split(":\t", 1) for line in service.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
    )
    for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(status[capabilities], 16) == CAP_DAC_READ_SEARCH
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Uid"].split()[1] == service.run("id", "-u", "picklewatch").strip()
    assert service.run("readlink", f"/proc/{pid}/ns/net") != service.run("readlink", "/proc/1/ns/net")
    for place in ("/etc", "/home/alice", "/opt/picklewatch", "/srv"):
        said = service.run("nsenter", "-t", pid, "-m", "touch", f"{place}/probe", check=False)
        assert "Read-only file system" in said, place
    service.run("nsenter", "-t", pid, "-m", "touch", "/var/lib/picklewatch/probe")


def test_the_sandbox_is_complete_under_the_unit(service: Machine) -> None:
    """The unit's own filter leaves the scanning child everything it locks itself down with."""
    (event,) = journal(service, "picklewatch", "scan.sandbox")[-1:]
    assert event["PICKLEWATCH_COMPLETE"] == "true", event["PICKLEWATCH_MISSING"]


def test_a_hanging_daemon_is_restarted_and_keeps_its_state(service: Machine) -> None:
    """Stopped dead, it misses its beat; systemd starts it again, and it judges no unchanged file a second time."""
    path = cached("alice", "before")
    put(service, path, hostile(1), "alice")
    wait_verdict(service, "picklewatch", path, "malicious")
    stopped = main_pid(service, "picklewatch")
    service.run("kill", "-STOP", stopped)
    service.wait_for(lambda: service.show("picklewatch", "NRestarts") == "1")
    service.wait_for(lambda: service.show("picklewatch", "ActiveState") == "active")
    assert main_pid(service, "picklewatch") != stopped
    assert "Watchdog timeout" in service.run("journalctl", "-q", "--no-pager", "-u", "picklewatch")
    after = cached("alice", "after")
    put(service, after, hostile(2), "alice")
    wait_verdict(service, "picklewatch", after, "malicious")
    assert verdicts(service, "picklewatch", path) == ["malicious"]


def test_a_killed_daemon_is_restarted(service: Machine) -> None:
    """SIGKILL is a failure like any other."""
    killed = main_pid(service, "picklewatch")
    service.run("kill", "-KILL", killed)
    service.wait_for(lambda: main_pid(service, "picklewatch") not in {killed, "0"})
    service.wait_for(lambda: service.show("picklewatch", "ActiveState") == "active")


def test_reload_reads_the_configuration_again(service: Machine) -> None:
    """``systemctl reload`` takes a new root; with a bad file it fails and says why, and the old configuration holds."""
    pid = main_pid(service, "picklewatch")
    service.shell(
        "mkdir -p /srv/models; printf '[watch]\\nroots = [\"/srv/models\"]\\n' > /etc/picklewatch/config.toml"
    )
    service.run("systemctl", "reload", "picklewatch")
    service.wait_for(lambda: bool(journal(service, "picklewatch", "config.reloaded")))
    put(service, "/srv/models/model.pt", hostile(3), "root")
    wait_verdict(service, "picklewatch", "/srv/models/model.pt", "malicious")
    service.shell("echo 'nonsense = 1' >> /etc/picklewatch/config.toml")
    assert "nonsense" in service.shell("systemctl reload picklewatch || journalctl -q -u picklewatch -n 20")
    service.run("systemctl", "kill", "--kill-who=main", "-s", "HUP", "picklewatch")
    service.wait_for(lambda: bool(journal(service, "picklewatch", "config.rejected")))
    service.wait_for(lambda: "nonsense" in service.show("picklewatch", "StatusText"))
    put(service, "/srv/models/other.pt", hostile(4), "root")
    wait_verdict(service, "picklewatch", "/srv/models/other.pt", "malicious")
    assert main_pid(service, "picklewatch") == pid
    service.run("rm", "/etc/picklewatch/config.toml")


def test_the_drop_in_lets_it_quarantine(service: Machine) -> None:
    """With the drop-in, a hostile blob of another user is moved and a tombstone of that user's takes its place."""
    run_block(service, "quarantine")
    path = cached("bob", "hostile")
    put(service, path, hostile(5), "bob")
    wait_verdict(service, "picklewatch", path, "malicious")
    service.wait_for(lambda: "QUARANTINED" in service.run("cat", path))
    assert service.run("stat", "-c", "%U", path).strip() == "bob"
    assert "malicious" in service.run("picklewatch", "quarantine", "list")
    status = service.run("cat", f"/proc/{main_pid(service, 'picklewatch')}/status")
    assert int(re.findall(r"CapEff:\t(\w+)", status)[0], 16) & CAP_LEASE
    ask_the_unit(service, path)
    take_a_lease_in_the_unit(service, cached("bob", "benign"))


def ask_the_unit(service: Machine, path: str) -> None:
    """Go from the tombstone at *path* to the reason as bob, whose it is, and as alice, who learns nothing of it."""
    item = re.findall(r"picklewatch quarantine show (\w+)", service.run("cat", path))[0]
    daemon = f"the system's daemon (process {main_pid(service, 'picklewatch')}, user picklewatch)"
    for words in (["explain", path], ["quarantine", "show", item]):
        told = service.run("picklewatch", *words, user="bob")
        for said in ("malicious: code-execution", path, daemon, "Ask the administrator of this machine (root)."):
            assert said in told, told
    status = service.run("picklewatch", "status", user="bob", check=False)  # 4 with unsafe files of bob's there
    assert status.startswith(f"Answered by {daemon}, with what concerns your files:"), status
    assert "hostile" in status
    doctor = json.loads(service.run("picklewatch", "doctor", "--json", user="bob", check=False))
    (check,) = [check for check in doctor["checks"] if check["name"] == "system-daemon"]
    assert check["state"] == "good", check
    for words in (["quarantine", "show", item], ["quarantine", "list"], ["status", "--json"]):
        assert path not in service.run("picklewatch", *words, user="alice", check=False)


HOOK = """
import http.server, pathlib
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        with pathlib.Path("/run/posted").open("ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])) + b"\\n")
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", 8099), Hook).serve_forever()
"""


@pytest.fixture(scope="module")
def telling(service: Machine) -> Machine:
    """The machine with the notifier's unit, and a webhook on the loopback."""
    service.shell(f"ip link set lo up; cat > /run/hook.py <<'END'\n{HOOK}\nEND")
    service.run("systemd-run", "--unit=hook", "/opt/picklewatch/bin/python", "/run/hook.py")
    run_block(service, "notify")
    service.shell("echo json://user:topsecret@127.0.0.1:8099/x > /etc/picklewatch/notify-urls")
    run_block(service, "notify-start")
    return service


def test_a_find_of_a_users_is_told_to_a_webhook(telling: Machine) -> None:
    """By the unit that has the network; the daemon says how that unit is doing, and shows no secret."""
    put(telling, cached("bob", "told"), hostile(6), "bob")
    telling.wait_for(lambda: "org/model" in telling.run("cat", "/run/posted", check=False))

    def status() -> str:
        return telling.run("picklewatch", "status", check=False)

    says = re.compile(r"^Notify:     json-[0-9a-f]{6}: [1-9]\d* messages? sent", re.MULTILINE)
    telling.wait_for(lambda: says.search(status()) is not None)
    everything = status() + telling.run("journalctl", "-q", "--no-pager", "-u", "picklewatch-notify")
    assert "topsecret" not in everything


def test_the_notifier_has_no_right_to_any_file(telling: Machine) -> None:
    """No capability, no home, nothing of the daemon's state; it writes to its own state alone, and asks in vain."""
    pid = main_pid(telling, "picklewatch-notify")
    status = telling.run("cat", f"/proc/{pid}/status")
    for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert re.search(rf"^{capabilities}:\t0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    inside = ["nsenter", "-t", pid, "-m"]
    for place in ("/home", "/root", "/srv", "/mnt"):
        assert telling.run(*inside, "ls", "-A", place).split() == []
    assert telling.run(*inside, "ls", "/var/lib").split() == ["picklewatch-notify"]
    for place in ("/etc", "/opt/picklewatch", "/srv", "/usr", "/var/lib"):
        assert "Read-only file system" in telling.run(*inside, "touch", f"{place}/probe", check=False), place
    as_it = ["setpriv", "--reuid", "picklewatch-notify", "--regid", "picklewatch-notify", "--clear-groups"]
    assert "Permission denied" in telling.run(*as_it, "cat", "/etc/picklewatch/notify-urls", check=False)
    asked = telling.run(*as_it, "env", "HOME=/", "picklewatch", "quarantine", "list", check=False)
    assert "bob" not in asked


def test_the_desktop_is_told_of_ones_own(telling: Machine) -> None:
    """Bob's unit shows bob's find on bob's bus, and not alice's."""
    run_block(telling, "notify-desktop")
    telling.run("loginctl", "enable-linger", "bob")
    uid = telling.run("id", "-u", "bob").strip()
    telling.wait_for(lambda: "private" in telling.run("ls", f"/run/user/{uid}/systemd", check=False))
    bus = "dbus-daemon --session --nofork --address=unix:path=$XDG_RUNTIME_DIR/bus"
    desk = "cd /mnt/picklewatch/tests; exec /opt/picklewatch/bin/python -m support.desktop ~/shown"
    telling.shell(
        f"test -S $XDG_RUNTIME_DIR/bus || systemd-run --user --unit=bus {bus}\n"
        f"systemd-run --user --unit=desk --property=Restart=always --property=RestartSec=1s sh -c '{desk}'\n"
        "systemctl --user daemon-reload; systemctl --user start picklewatch-notify",
        user="bob",
    )
    telling.wait_for(lambda: "org/model" in telling.run("cat", "/home/bob/shown", check=False))
    put(telling, cached("alice", "not-for-bob"), hostile(7), "alice")
    wait_verdict(telling, "picklewatch", cached("alice", "not-for-bob"), "malicious")
    put(telling, "/home/bob/.cache/torch/hub/checkpoints/for-bob.pth", hostile(8), "bob")
    telling.wait_for(lambda: "for-bob.pth" in telling.run("cat", "/home/bob/shown"))
    assert "not-for-bob" not in telling.run("cat", "/home/bob/shown")
    telling.run("systemctl", "--user", "stop", "picklewatch-notify", "desk", user="bob")


def take_a_lease_in_the_unit(service: Machine, path: str) -> None:
    """Start the unit with a step before the daemon, in the same sandbox, that takes a lease on the file *path*."""
    put(service, path, BENIGN, "bob")
    lease = f"import os, picklewatch.access.leases as l; assert l.hold(os.open({path!r}, os.O_RDONLY))"
    drop_in = "/run/systemd/system/picklewatch.service.d/lease.conf"
    service.shell(f"cat > {drop_in} <<'END'\n[Service]\nExecStartPre=/opt/picklewatch/bin/python -c \"{lease}\"\nEND")
    service.run("systemctl", "daemon-reload")
    service.run("systemctl", "restart", "picklewatch")  # fails if that does
    service.run("rm", drop_in)
    service.run("systemctl", "daemon-reload")


def test_stop_is_clean_and_quick(service: Machine) -> None:
    """SIGTERM ends it with success; what was recorded is there after the next start."""
    service.run("systemctl", "stop", "picklewatch")
    assert service.show("picklewatch", "Result") == "success"
    assert service.show("picklewatch", "ActiveState") == "inactive"
    assert "not running" in service.run("picklewatch", "status", check=False)
    service.run("systemctl", "start", "picklewatch")


def test_the_template_sees_one_user_only(machine: Machine) -> None:
    """``picklewatch@alice`` runs as alice without a capability, sees her home read-only and no other, and scans."""
    machine.shell("systemctl stop picklewatch; rm -f /etc/picklewatch/config.toml")
    run_block(machine, "template")
    assert machine.show("picklewatch@alice", "ActiveState") == "active"
    pid = main_pid(machine, "picklewatch@alice")
    assert machine.run("nsenter", "-t", pid, "-m", "ls", "/home").split() == ["alice"]
    assert "Read-only" in machine.run("nsenter", "-t", pid, "-m", "touch", "/home/alice/probe", check=False)
    status = machine.run("cat", f"/proc/{pid}/status")
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    path = cached("alice", "template")
    put(machine, path, hostile(6), "alice")
    wait_verdict(machine, "picklewatch@alice", path, "malicious")
    assert f"Answered by your own daemon (process {pid}, user alice)" in machine.run(
        "picklewatch", "status", user="alice", check=False
    )
    assert path in machine.run("picklewatch", "findings", user="alice", check=False)
    # a cache that appears later is found too
    late = "/home/alice/.cache/torch/hub/checkpoints/model.pth"
    put(machine, late, hostile(7), "alice")
    wait_verdict(machine, "picklewatch@alice", late, "malicious")


def test_the_template_quarantines_with_its_drop_in(machine: Machine) -> None:
    """Alice's caches are writable for her instance then; a tombstone of hers takes the file's place."""
    run_block(machine, "template-quarantine")
    run_block(machine, "template-quarantine-config", user="alice")
    machine.run("systemctl", "restart", "picklewatch@alice")
    path = cached("alice", "taken")
    put(machine, path, hostile(9), "alice")
    machine.wait_for(lambda: "QUARANTINED" in machine.run("cat", path))
    assert machine.run("stat", "-c", "%U", path).strip() == "alice"
    held = "/var/lib/picklewatch-users/alice"
    assert "malicious" in machine.run("picklewatch", "quarantine", "list", "--state-dir", held, user="alice")
    machine.shell("rm ~/.config/picklewatch/config.toml", user="alice")
    # it still quarantines as configured when it started, and would take what the next test's daemon is to judge
    machine.run("systemctl", "stop", "picklewatch@alice")


def test_a_user_needs_no_root(machine: Machine) -> None:
    """The user unit runs in alice's own manager, scans her cache and leaves the system read-only."""
    machine.run("loginctl", "enable-linger", "alice")
    uid = machine.run("id", "-u", "alice").strip()
    machine.wait_for(lambda: "private" in machine.run("ls", f"/run/user/{uid}/systemd", check=False))
    run_block(machine, "user", user="alice")
    assert machine.show("picklewatch", "ActiveState", user="alice") == "active"
    path = cached("alice", "user")
    put(machine, path, hostile(8), "alice")
    wait_verdict(machine, "picklewatch", path, "malicious", user="alice")
    pid = main_pid(machine, "picklewatch", user="alice")
    assert "Read-only" in machine.run("nsenter", "-t", pid, "-m", "touch", "/etc/probe", check=False)
    shown = machine.shell("~/.local/bin/picklewatch status || test $? = 4", user="alice")  # an unsafe file is there
    assert "running" in shown


def test_removing_leaves_nothing(machine: Machine) -> None:
    """After the documented commands no unit, program, state or user is left."""
    run_block(machine, "remove")
    assert machine.show("picklewatch", "LoadState") == "not-found"
    left = (
        "ls -d /opt/picklewatch /usr/local/bin/picklewatch /etc/picklewatch /var/lib/picklewatch* 2>/dev/null || true"
    )
    assert machine.shell(left).split() == []
    assert machine.run("id", "picklewatch", check=False).endswith("no such user\n")
