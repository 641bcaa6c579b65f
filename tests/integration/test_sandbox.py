"""The sandbox against what code in it would try; every act runs in a real locked-down child of a real warm process."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sandbox_acts.hostile import ACTS, JOB
from support.watching import PATIENCE, eventually

from picklewatch.access import digest
from picklewatch.catalogue.rules import RULES
from picklewatch.core.errors import SandboxError
from picklewatch.core.model import Level, Limits, Policy, Verdict
from picklewatch.core.policy import decide
from picklewatch.sandbox import ScanCancelledError, Scanner, child_run, starting, wire
from picklewatch.sandbox import process as process_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.core.model import ScanReport

LIMITS = Limits(seconds=PATIENCE, cpu_seconds=1, memory=256 << 20, output=1 << 20)


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    """One scanner for all acts: that it survives each of them is the point."""
    with Scanner(LIMITS, job=JOB) as it:
        yield it


@contextmanager
def content(data: bytes) -> Iterator[int]:
    """Give a descriptor of *data*."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, data)
        yield descriptor
    finally:
        os.close(descriptor)


def scan(scanner: Scanner, act: str, more: bytes = bytes(100)) -> ScanReport:
    """Have *act* done in the sandbox."""
    with content(act.encode() + b"\n" + more) as descriptor:
        return scanner.scan(descriptor)


REACHING_OUT = list(ACTS)[: list(ACTS).index("loop")]


@pytest.mark.parametrize("act", REACHING_OUT)
def test_nothing_outside_can_be_reached(scanner: Scanner, act: str) -> None:
    """Files, programs, processes, sockets, more rights, executable memory: refused or deadly, and said."""
    before, marker = scanner.pid, Path("/tmp/picklewatch-was-here")
    report = scan(scanner, act)
    assert not report.complete
    assert [finding.rule for finding in report.findings] in (["scan-forbidden-call"], ["scan-crashed"])
    assert not marker.exists()
    assert scanner.pid == before
    assert scan(scanner, "pid").complete


LYING = [
    ("loop", "scan-cpu"),
    ("loop-ignoring-limit", "scan-cpu"),
    ("stay-silent", "scan-cpu"),
    ("eight-gigabytes", "scan-evasion"),
    ("grow", "scan-evasion"),
    ("recurse", "scan-crashed"),
    ("exit", "scan-crashed"),
    ("segv", "scan-crashed"),
    ("abort", "scan-crashed"),
    ("stack-overflow", "scan-crashed"),
    ("raise", "scan-crashed"),
    ("silence", "scan-garbage"),
    ("garbage", "scan-garbage"),
    ("half-line", "scan-garbage"),
    ("babble", "scan-garbage"),
    ("endless-line", "scan-garbage"),
    ("deep-json", "scan-garbage"),
    ("wide-json", "scan-garbage"),
    ("no-report", "scan-garbage"),
    ("two-reports", "scan-garbage"),
    ("bad-format", "scan-garbage"),
    ("huge-count", "scan-garbage"),
    ("nan-count", "scan-garbage"),
    ("more-fields", "scan-garbage"),
    ("bad-level", "scan-garbage"),
    ("many-findings", "scan-garbage"),
    ("many-imports", "scan-garbage"),
    ("false-failure", "scan-garbage"),
    ("close-early", "scan-garbage"),
    ("gigabyte", "scan-garbage"),
    ("another-job", "scan-garbage"),
    ("ending", "scan-garbage"),
    ("seen-flood", "scan-garbage"),
    ("seen-too-late", "scan-garbage"),
    ("false-digest", "scan-garbage"),
]


@pytest.mark.parametrize(("act", "rule"), LYING)
def test_using_things_up_and_lying_are_findings(scanner: Scanner, act: str, rule: str) -> None:
    """Whatever the child does, the scan returns within its limits with a registered finding, never clean."""
    before = scanner.pid
    report = scan(scanner, act)
    assert report.findings[-1].rule == rule
    assert rule in RULES
    expected = Level.UNSAFE if rule == "scan-evasion" else Level.UNSCANNABLE
    assert report.findings[-1].level is RULES[rule].level is expected
    assert decide(report, Policy()).verdict.value == expected.value
    assert scanner.pid == before
    assert scan(scanner, "pid").complete


def _works(scanner: Scanner) -> bool:
    """Return True when a scan is whole: with a limit of a second, a busy machine may need more than one."""
    return eventually(lambda: scan(scanner, "pid").complete)


def test_a_scan_that_waits_is_ended_by_the_clock() -> None:
    """Sleeping uses no processor time; the wall clock ends it."""
    with Scanner(Limits(seconds=1), job=JOB) as it:
        assert it.protections
        assert [finding.rule for finding in scan(it, "sleep").findings] == ["scan-timeout"]
        assert _works(it)


@pytest.mark.parametrize("act", ["slowly", "half-line-then-silence", "read-for-ever"])
def test_a_scan_that_says_little_is_ended_by_the_clock(act: str) -> None:
    """A byte a second, or half of a line, keeps nobody waiting beyond the limit."""
    with Scanner(Limits(seconds=1.5), job=JOB) as it:
        assert it.protections
        assert [finding.rule for finding in scan(it, act).findings] == ["scan-timeout"]
        assert _works(it)


def test_deep_recursion_in_c_is_contained(scanner: Scanner) -> None:
    """It overflows the stack, fills the memory or takes too long, by Python and machine; it never gets out."""
    report = scan(scanner, "c-recursion")
    assert not report.complete
    # a content of some bytes that fills the memory was made for it
    assert report.findings[-1].rule in {"scan-crashed", "scan-cpu", "scan-timeout", "scan-evasion"}
    assert report.findings[-1].level in {Level.UNSCANNABLE, Level.UNSAFE}


@pytest.mark.parametrize(
    ("act", "rule"),
    [
        ("found-then-segv", "scan-crashed"),
        ("found-then-loop", "scan-cpu"),
        ("found-then-garbage", "scan-garbage"),
        ("seen-then-segv", "scan-crashed"),
        ("seen-then-stopped", "scan-cpu"),
        ("seen-then-clean", "scan-garbage"),
    ],
)
def test_what_was_found_before_the_end_stays(scanner: Scanner, act: str, rule: str) -> None:
    """A file can't hide what was already seen by crashing the rest of the scan."""
    report = scan(scanner, act)
    assert [finding.rule for finding in report.findings] == ["seen-before", rule]
    assert decide(report, Policy()).verdict is Verdict.MALICIOUS


@pytest.mark.parametrize(
    ("number", "rule"),
    [
        *((number, "scan-crashed") for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGBUS)),
        (signal.SIGKILL, "scan-memory"),
        (signal.SIGSTOP, "scan-timeout"),
        (signal.SIGXCPU, "scan-cpu"),
    ],
)
def test_what_was_seen_before_a_signal_stays(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, rule: str
) -> None:
    """However the process ends, by its own fault or by the kernel's hand: what it had seen counts."""
    with Scanner(Limits(seconds=5 if number is signal.SIGSTOP else PATIENCE), job=JOB) as it:
        assert it.protections
        take = wire.ReportBuilder.take

        def take_and_strike(builder: wire.ReportBuilder, kind: str, value: object) -> None:
            take(builder, kind, value)
            assert it.pid is not None
            os.kill(_wait_for_child(it.pid), number)

        monkeypatch.setattr(wire.ReportBuilder, "take", take_and_strike)
        report = scan(it, "seen-then-sleep")
        assert [finding.rule for finding in report.findings] == ["seen-before", rule]
        assert decide(report, Policy()).verdict is Verdict.MALICIOUS
        monkeypatch.undo()
        assert _works(it)


def test_what_was_seen_is_known_before_the_scan_ends(scanner: Scanner) -> None:
    """While the child still works: it would sleep for minutes, and is ended by what its harm makes us do."""
    known: list[ScanReport] = []

    def harm(report: ScanReport) -> None:
        known.append(report)
        raise InterruptedError

    with content(b"seen-then-sleep\n") as descriptor, pytest.raises(InterruptedError):
        scanner.scan(descriptor, harm=harm)
    assert [[finding.rule for finding in report.findings] for report in known] == [["seen-before"]]
    assert decide(known[0], Policy()).verdict is Verdict.MALICIOUS
    assert _works(scanner)


def test_what_was_seen_stays_when_the_warm_process_dies() -> None:
    """The content is scanned again by another one, whose child may say less."""
    with Scanner(Limits(seconds=PATIENCE), job=JOB) as it:
        assert it.protections

        def harm(report: ScanReport) -> None:
            if len(report.findings) > 1:
                raise InterruptedError
            assert it.pid is not None
            os.kill(it.pid, signal.SIGKILL)

        with content(b"seen-then-sleep\n") as descriptor, pytest.raises(InterruptedError):
            it.scan(descriptor, harm=harm)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGSEGV])
def test_a_warm_process_that_stops_or_crashes_is_replaced(number: signal.Signals) -> None:
    """The file at work is tried again, or called unscannable when its time is up; the next one is scanned."""
    with Scanner(Limits(seconds=1 if number is signal.SIGSTOP else PATIENCE), job=JOB) as it:
        assert it.protections
        before = it.pid
        assert before is not None
        os.kill(before, number)
        report = scan(it, "pid")
        assert report.complete == (number is not signal.SIGSTOP)
        assert _works(it)
        assert it.pid != before
        assert not Path(f"/proc/{before}").exists()


_WARM_STARTS = {
    "hangs": "import time; time.sleep(600)",
    "ends": "pass",
    "crashes": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "says garbage": "import os, sys; os.write(int(sys.argv[1][1:].split(',')[0]), b'garbage')",
    "says too little": "import os, sys; os.write(int(sys.argv[1][1:].split(',')[0]), b'{}')",
    "says a lot": "import sys; [sys.stderr.write('x' * 1000) for _ in range(10000)]",
}


@pytest.mark.parametrize("way", _WARM_STARTS)
def test_a_warm_process_that_starts_badly_is_an_error_and_no_verdict(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """Whatever it does instead of becoming ready: a sentence for the operator, in time, and nothing left behind."""
    monkeypatch.setattr(process_module, "_BOOT", _WARM_STARTS[way])
    monkeypatch.setattr(process_module, "START_SECONDS", 2.0)
    with Scanner(LIMITS, job=JOB) as it, content(b"nothing\n") as descriptor:
        pid = it.pid
        with pytest.raises(SandboxError):
            it.scan(descriptor)
        assert not Path(f"/proc/{pid}").exists()


_WARM_ANSWERS = {
    "garbage": "garbage",
    "a number": "1",
    "no status": '{"ended": "well"}',
    "nothing asked for": '{"love": 1}',
}


@pytest.mark.parametrize("way", _WARM_ANSWERS)
def test_a_warm_process_that_talks_nonsense_is_as_good_as_dead(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """It is replaced; after the second time the file is unscannable."""
    lying = f"{process_module._BOOT.rpartition(';')[0]}; from picklewatch.sandbox import warm; "
    lying += f"warm.Server._start = lambda self, m, f: self._connection.send({_WARM_ANSWERS[way]!r}.encode()); "
    monkeypatch.setattr(process_module, "_BOOT", f"{lying}warm.main(control, jobs, versioned=versioned)")
    monkeypatch.setattr(child_run, "END_SECONDS", 0.5)  # it never says how its child ended
    with Scanner(LIMITS, job=JOB) as it:
        assert it.protections
        report = scan(it, "pid")
    assert [finding.rule for finding in report.findings] == ["scan-crashed"]


def test_the_child_holds_only_what_it_needs(scanner: Scanner) -> None:
    """Three times /dev/null and the result pipe; not the file, not the control socket."""
    assert "[0, 1, 2, 3]" in scan(scanner, "open-descriptors").findings[0].summary


def test_what_the_child_prints_goes_nowhere(scanner: Scanner, capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error of a library that complains about a hostile file never reaches a terminal or a log."""
    assert scan(scanner, "stderr").complete
    assert capfd.readouterr() == ("", "")


def test_every_protection_of_this_kernel_is_on_and_said(scanner: Scanner) -> None:
    """The protections come from a rehearsal; what is missing is said in a sentence."""
    protections = scanner.protections
    assert protections.no_new_privs
    assert protections.not_dumpable
    assert protections.capabilities_dropped
    assert protections.rlimits
    assert protections.complete == (protections.landlock_abi > 0 and protections.seccomp)


def test_a_thousand_bombs_leave_the_parent_as_it_was(scanner: Scanner) -> None:
    """Neither memory nor descriptors of this process grow with what the children do."""
    bombs = ["eight-gigabytes", "babble", "wide-json", "segv", "socket", "many-findings", "endless-line"]
    for act in bombs:
        scan(scanner, act)
    memory, open_files = _resident(), _open_files()
    for number in range(140):
        scan(scanner, bombs[number % len(bombs)])
    assert _resident() - memory < 4 << 20
    assert _open_files() == open_files


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_a_dead_warm_process_is_replaced_and_the_file_scanned(scanner: Scanner) -> None:
    """Killing the warm process costs a restart, not a verdict."""
    before = scanner.pid
    assert before is not None
    os.kill(before, 9)
    assert scan(scanner, "pid").complete
    assert scanner.pid != before


def test_a_file_that_takes_the_warm_process_along_is_unscannable() -> None:
    """After the second time it is not tried again, and the next file is scanned."""
    with Scanner(LIMITS, job=JOB) as it:
        killer = threading.Event()

        def kill_twice() -> None:
            killed: set[int] = set()
            while len(killed) < 2 and not killer.wait(0.02):
                if it.pid is not None and it.pid not in killed and _is_ready(it):
                    killed.add(it.pid)
                    os.kill(it.pid, 9)

        assert scan(it, "pid").complete
        thread = threading.Thread(target=kill_twice)
        thread.start()
        report = scan(it, "sleep")
        killer.set()
        thread.join()
        assert [finding.rule for finding in report.findings] == ["scan-crashed"]
        assert "twice" in report.findings[0].summary
        assert scan(it, "pid").complete


def _is_ready(scanner: Scanner) -> bool:
    process = scanner._process
    return process is not None and process._protections is not None


def _children(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return ""


def test_no_child_outlives_the_warm_process() -> None:
    """The kernel kills the child at work with the warm process, so nothing of a scan is left behind."""
    it = Scanner(LIMITS, job=JOB)
    assert it.protections

    def work() -> None:
        with pytest.raises(ScanCancelledError):
            scan(it, "sleep")

    thread = threading.Thread(target=work)
    thread.start()
    assert it.pid is not None
    child = _wait_for_child(it.pid)
    os.kill(it.pid, 9)
    assert _gone(child)
    it.close()
    thread.join()


def test_closing_ends_a_scan_in_another_thread_at_once() -> None:
    """A second Ctrl-C needs no patience; the scan says that nothing is known about the file."""
    it = Scanner(LIMITS, job=JOB)
    assert it.protections
    raised: list[BaseException] = []

    def work() -> None:
        try:
            scan(it, "sleep")
        except ScanCancelledError as error:
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert it.pid is not None
    child = _wait_for_child(it.pid)
    it.close()
    thread.join()
    assert len(raised) == 1
    assert _gone(child)
    with pytest.raises(ScanCancelledError):
        scan(it, "pid")


def _wait_for_child(pid: int) -> int:
    seen: list[str] = []

    def is_started() -> bool:
        seen[:] = _children(pid).split()
        return bool(seen)

    assert eventually(is_started), "no child was started"
    return int(seen[0])


def _gone(pid: int) -> bool:
    return eventually(lambda: not Path(f"/proc/{pid}").exists())


def test_an_empty_file_and_a_big_sparse_one_are_scanned(scanner: Scanner, tmp_path: Path) -> None:
    """The memory limit does not count the file: it is mapped, not read."""
    with content(b"") as descriptor:
        assert scanner.scan(descriptor).complete
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.write(b"touch-all\n")
        file.truncate(LIMITS.memory + (64 << 20))
    descriptor = os.open(big, os.O_RDONLY)
    try:
        assert scanner.scan(descriptor).complete
    finally:
        os.close(descriptor)


def test_a_file_that_shrinks_during_its_scan_is_said_to_have_changed(scanner: Scanner, tmp_path: Path) -> None:
    """Reading a mapping beyond the file's end kills the child; the finding says what happened."""
    file = tmp_path / "shrinking"
    file.write_bytes(b"touch-later\n" + bytes(1 << 20))
    descriptor = os.open(file, os.O_RDONLY)
    timer = threading.Timer(0.2, os.truncate, (file, 0))
    timer.start()
    try:
        report = scanner.scan(descriptor)
    finally:
        timer.join()
        os.close(descriptor)
    assert [finding.rule for finding in report.findings] == ["changed-while-scanned"]


def test_a_descriptor_open_for_writing_reaches_the_child_read_only(scanner: Scanner) -> None:
    """A memfd of standard input is writable for us, never for the child; its content can't be changed by it."""
    data = b"write-mapping\n" + bytes(100)
    with content(data) as descriptor:
        scanner.scan(descriptor)
        assert os.pread(descriptor, 200, 0) == data


def test_a_sandbox_that_can_not_start_says_why_and_what_to_do() -> None:
    """A job that can't be imported is a broken installation: an error with a hint, not a verdict."""
    with Scanner(LIMITS, job="picklewatch.no_such_module:scan") as it, pytest.raises(SandboxError) as caught:
        assert it.protections
    assert "no_such_module" in caught.value.message
    assert "doctor" in caught.value.hint


def test_a_sandbox_that_starts_no_more_is_no_verdict_on_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's trouble is an error that the caller waits out; the file keeps its place in the queue."""
    with Scanner(LIMITS, job=JOB) as it, content(b"nothing\n") as descriptor:
        assert it.protections
        assert it.pid is not None
        os.kill(it.pid, signal.SIGKILL)
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(SandboxError):
            it.scan(descriptor)


def test_the_current_directory_is_never_imported_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download named json.py beside the user must not run in the sandbox's start."""
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the current directory')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert str(tmp_path) not in starting.import_path()
    with Scanner(LIMITS, job=JOB) as it:
        assert it.protections.no_new_privs


def test_secrets_of_our_environment_stay_out_of_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens in environment variables never enter the process that meets hostile bytes."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with Scanner(LIMITS, job=JOB) as it:
        assert it.protections
        environment = Path(f"/proc/{it.pid}/environ")
        assert os.geteuid() != 0 or b"hf_secret" not in environment.read_bytes()


def test_no_child_says_which_content_it_was_given(scanner: Scanner) -> None:
    """The digest that an operator allowed is claimed for another content: nothing is taken back, nothing is clean.

    The digest of a report is computed outside of the child, whatever that says and however it ends.
    """
    allowed = "ab" * 32
    policy = Policy(allowed_digests={allowed: "ours"})
    verdicts = {"seen-then-false-digest": Verdict.MALICIOUS, "false-digest": Verdict.UNSCANNABLE}
    for act, verdict in verdicts.items():
        lie = f"{act}\n".encode().ljust(40) + allowed.encode()
        with content(lie) as descriptor:
            report = scanner.scan(descriptor)
        assert report.sha256 == hashlib.sha256(lie).hexdigest()
        assert decide(report, policy).verdict is verdict
        vouched = Policy(allowed_digests={hashlib.sha256(lie).hexdigest(): "ours"})
        assert decide(report, vouched).effective is Verdict.CLEAN


def test_what_was_told_stays_beside_harm_that_is_allowed(scanner: Scanner) -> None:
    """A child that was taken over may say other harm in its place, of an import that the operator allowed."""
    report = scan(scanner, "seen-then-allowed-harm")
    assert {finding.subject for finding in report.findings} == {"os.system", "ours.load"}
    assert decide(report, Policy(allowed_imports={"ours.load": "ours"})).verdict is Verdict.MALICIOUS


def test_a_large_quiet_content_has_no_digest(scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing gigabytes of tensors would cost more than judging them; what has something to report has its digest."""
    assert scan(scanner, "pid").sha256 is not None
    monkeypatch.setattr(digest, "DIGEST_ALWAYS", 4)
    assert scan(scanner, "pid").sha256 is not None
    with Scanner(LIMITS) as it:
        with content(b"plain text\n" * 9) as descriptor:
            assert it.scan(descriptor).sha256 is None
        with content(b"\x80\x02cos\nsystem\n)R.") as descriptor:
            assert it.scan(descriptor).sha256 is not None


def test_what_changes_during_its_scan_has_no_digest(scanner: Scanner, tmp_path: Path) -> None:
    """It would be that of another content than the one that was parsed."""
    path = tmp_path / "x"
    path.write_bytes(b"sleep-a-moment\n")
    with path.open("rb") as file:

        def change() -> None:
            path.write_bytes(b"sleep-a-moment\nmore")

        report = scanner.scan(file.fileno(), tick=change)
    assert report.sha256 is None


def test_a_scan_ends_at_once_when_its_tick_raises() -> None:
    """While the child works, and while its digest is computed; the next content is scanned."""

    class EnoughError(Exception):
        pass

    def enough() -> None:
        raise EnoughError

    with Scanner(Limits(seconds=60), job=JOB) as it:
        for act in ("sleep", "pid"):
            with content(act.encode() + b"\n") as descriptor, pytest.raises(EnoughError):
                it.scan(descriptor, tick=enough)
        assert scan(it, "pid").complete


def test_scanners_work_side_by_side() -> None:
    """Each worker has its own scanner; a slow file in one does not delay the other."""
    slow = Scanner(LIMITS, job=JOB)

    def sleep() -> None:
        with pytest.raises(ScanCancelledError):
            scan(slow, "sleep")

    with Scanner(LIMITS, job=JOB) as fast:
        assert slow.protections == fast.protections
        thread = threading.Thread(target=sleep)
        thread.start()
        for _ in range(20):
            assert scan(fast, "pid").complete
        assert thread.is_alive()
        slow.close()
        thread.join()


def test_what_was_found_before_the_time_is_up_counts() -> None:
    """An attack before endless padding is an attack, not merely a scan that took too long."""
    data = b"\x80\x02cos\nsystem\n(U\x04truetR0" + b"N0" * 20_000_000 + b"N."
    with Scanner(Limits(seconds=4.0, opcodes=1 << 40)) as it, content(data) as descriptor:
        assert it.protections
        report = it.scan(descriptor)
    assert not report.complete
    assert decide(report, Policy()).verdict is Verdict.MALICIOUS
    rules = {finding.rule for finding in report.findings}
    assert "code-execution" in rules
    assert rules & {"limit-time", "scan-timeout"}  # on a busy machine our clock may come before its own
