"""What it takes to be told: ``python tests/bench/telling.py [--rounds N] [--only PART]``.

    latency    from a hostile file's rename into place to the sink that is told, with a real daemon and notifier
    thousand   a thousand finds of one repository: how many messages
    dead       a sink that is dead for an hour of simulated time: what it is told afterwards
    hanging    judging 500 files without a notifier, and with one whose sink hangs
    idle       processor time of the daemon and of a notifier while nothing happens

Hostile files are opcodes written here, and never loaded. The figures in docs/notify.md come from here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.daemon_process import HOSTILE, Process
from support.desktop import BUS, Session
from support.telling import FindingDaemon, Outlet, Telling
from support.watching import eventually

from picklewatch.notify.dispatcher import ASK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

IN_A_ROUND = 9
"""Messages that a notifier may send in a row, less one: the last one is for all."""
TELL = "import json,sys,time; m=json.load(sys.stdin); print(time.time(), len(m['finds']), file=open(sys.argv[1],'a'))"
TICKS = os.sysconf("SC_CLK_TCK")


class Hook(BaseHTTPRequestHandler):
    """Notes when something is posted."""

    file: Path

    def do_POST(self) -> None:
        """Take it."""
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.file.open("a") as out:
            out.write(f"{time.time()} 1\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def config_of(base: Path, command: list[str], urls: Path | None = None) -> str:
    """The configuration with this command, or these addresses."""
    lines = [f"command = {json.dumps(command)}"] if urls is None else [f'urls = "{urls}"']
    return "\n".join(["[scan]", "workers = 2", "[notify]", *lines, ""])


@contextlib.contextmanager
def notifying(daemon: Process, *words: str, env: dict[str, str] | None = None) -> Iterator[int]:
    """Run a notifier meanwhile; give its process."""
    command = [sys.executable, "-I", "-m", "picklewatch", "notify", "run", "-c", str(daemon.home / "config.toml")]
    process = subprocess.Popen([*command, "--state-dir", str(daemon.state), *words], env=env, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def put(daemon: Process, name: str) -> float:
    """Have a hostile file appear; the time of the rename."""
    new = daemon.home / "new"
    new.write_bytes(HOSTILE + name.encode())
    path = daemon.root / name
    path.parent.mkdir(exist_ok=True)
    at = time.time()
    new.rename(path)
    return at


def times(file: Path) -> list[float]:
    """When the sink was told."""
    return [float(line.split()[0]) for line in file.read_text().splitlines()] if file.exists() else []


def measured(daemon: Process, told: Path, rounds: int, *words: str, env: dict[str, str] | None = None) -> list[float]:
    """The seconds from each file to the sink that is told of it."""
    found = []
    for number in range(rounds):
        with notifying(daemon, *words, env=env):
            time.sleep(2)
            for each in range(IN_A_ROUND):
                time.sleep(each * ASK_SECONDS / IN_A_ROUND)  # at every moment between two questions
                before = len(times(told))
                at = put(daemon, f"{number}-{each}/model.pt")
                assert eventually(lambda before=before: len(times(told)) > before)  # type: ignore[misc]
                found.append(times(told)[before] - at)
    return found


def latency(rounds: int) -> None:
    """Print what each kind of sink takes."""
    print("| sink | files | median s | maximum s |\n|---|---|---|---|")
    for kind in ("command", "desktop", "webhook"):
        if (kind == "desktop" and not Path(BUS).exists()) or (kind == "webhook" and find_spec("apprise") is None):
            print(f"| {kind} | not here | | |")
            continue
        with tempfile.TemporaryDirectory() as home:
            seconds = latency_of(kind, Path(home), rounds)
        print(f"| {kind} | {len(seconds)} | {median(seconds):.2f} | {max(seconds):.2f} |", flush=True)


def latency_of(kind: str, base: Path, rounds: int) -> list[float]:
    """The seconds that one kind of sink takes."""
    told, urls = base / "told", base / "urls"
    command = [sys.executable, "-I", "-S", "-c", TELL, str(told)]
    with contextlib.ExitStack() as stack:
        if kind == "webhook":
            server = ThreadingHTTPServer(("127.0.0.1", 0), type("Noting", (Hook,), {"file": told}))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            urls.write_text(f"json://127.0.0.1:{server.server_port}/x\n")
        text = config_of(base, command, urls if kind == "webhook" else None)
        daemon = stack.enter_context(Process(base, text))
        if kind != "desktop":
            return measured(daemon, told, rounds)
        session = stack.enter_context(Session(base))
        session.start_desktop()
        return measured(daemon, base / "shown-at", rounds, "--desktop", env=session.environment)


def thousand() -> None:
    """Print how many messages a thousand finds of one repository are."""
    with tempfile.TemporaryDirectory() as home:
        base, told = Path(home), Path(home, "told")
        config = config_of(base, [sys.executable, "-I", "-S", "-c", TELL, str(told)])
        with Process(base, config) as daemon, notifying(daemon):
            began = time.monotonic()
            for number in range(1_000):
                put(daemon, f"model/{number}.pt")
            assert eventually(lambda: daemon.judged() == 1_000)
            took = time.monotonic() - began
            assert eventually(lambda: sum(counts(told)) == 1_000)
            print(
                f"1,000 files of one directory, judged in {took:.0f} s: messages with {counts(told)} finds", flush=True
            )


def counts(told: Path) -> list[int]:
    """The number of finds of each message."""
    return [int(line.split()[1]) for line in told.read_text().splitlines()] if told.exists() else []


def dead() -> None:
    """Print what a sink that was dead for an hour is told."""
    with tempfile.TemporaryDirectory() as home:
        daemon, outlet = FindingDaemon(), Outlet(failure="it is dead")
        telling = Telling(daemon, Path(home, "notify.json"), outlet)
        for number in range(3_600):
            daemon.find(f"org/{number}")
            telling.pass_time(1, 1)
        outlet.failure = ""
        telling.pass_time(1_200, 1)
    twice = [number for number, times_told in Counter(outlet.numbers()).items() if times_told > 1]
    lost = set(range(1, 3_601)) - set(outlet.numbers())
    print(f"dead for 3,600 s, a find each: {len(lost)} lost, {len(twice)} told twice, {len(outlet.taken)} messages")


def hanging() -> None:
    """Print how long 500 files take, without a notifier and with one whose sink hangs."""
    print("| | wall s | daemon CPU s |\n|---|---|---|")
    for name in ("no notifier", "a sink that hangs", "no notifier", "a sink that hangs"):
        with tempfile.TemporaryDirectory() as home, contextlib.ExitStack() as stack:
            base = Path(home)
            daemon = stack.enter_context(Process(base, config_of(base, ["/bin/sleep", "1000"])))
            if name != "no notifier":
                stack.enter_context(notifying(daemon))
                put(daemon, "first/model.pt")
                assert eventually(lambda daemon=daemon: daemon.judged() == 1)  # type: ignore[misc]
                time.sleep(2)
            before, began, used = daemon.judged(), time.monotonic(), cpu(daemon.process.pid)
            for number in range(500):
                put(daemon, f"{number}/model.pt")
            assert eventually(lambda daemon=daemon, before=before: daemon.judged() == before + 500)  # type: ignore[misc]
            print(f"| {name} | {time.monotonic() - began:.1f} | {cpu(daemon.process.pid) - used:.1f} |", flush=True)


def cpu(pid: int) -> float:
    """The processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def idle(seconds: float = 60.0) -> None:
    """Print the processor time of both while nothing happens."""
    with tempfile.TemporaryDirectory() as home:
        base = Path(home)
        with Process(base, config_of(base, ["/bin/true"])) as daemon:
            time.sleep(5)
            alone = over(seconds, daemon.process.pid)
            with notifying(daemon) as notifier:
                time.sleep(5)
                together = over(seconds, daemon.process.pid, notifier)
    print(f"idle, processor time: daemon {alone[0]:.2%}, with a notifier {together[0]:.2%}; notifier {together[1]:.2%}")


def over(seconds: float, *pids: int) -> list[float]:
    """The share of a processor that each process took."""
    before = [cpu(pid) for pid in pids]
    time.sleep(seconds)
    return [(cpu(pid) - former) / seconds for pid, former in zip(pids, before, strict=True)]


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"latency": None, "thousand": thousand, "dead": dead, "hanging": hanging, "idle": idle}
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--only", choices=parts, action="append")
    arguments = parser.parse_args()
    for name in arguments.only or parts:
        part = parts[name]
        latency(arguments.rounds) if part is None else part()


if __name__ == "__main__":
    main()
