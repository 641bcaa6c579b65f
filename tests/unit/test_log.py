"""Log lines."""

from __future__ import annotations

import array
import contextlib
import io
import json
import logging
import os
import pty
import re
import socket
import sys
import threading
import warnings
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from hypothesis import assume, given
from hypothesis import strategies as st
from support.directories import open_directory
from support.watching import PATIENCE

from picklewatch.core.model import EngineVersion, Finding, Judgement, Level, Record, ScanReport, Verdict
from picklewatch.telemetry import log
from picklewatch.telemetry.log import console, journald
from picklewatch.telemetry.log.clean import clean
from picklewatch.telemetry.log.json_lines import JsonOutput, LineWriter
from picklewatch.telemetry.log.outlet import KEPT, LONGEST, SHARE, Outlet

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level, hook = list(root.handlers), root.level, threading.excepthook
    yield
    structlog.reset_defaults()
    root.handlers[:], threading.excepthook = handlers, hook
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def record(verdict: Verdict = Verdict.MALICIOUS, **fields: Any) -> Record:
    """Make a record."""
    level = Level(verdict.value) if verdict.rank >= Verdict.UNVERIFIED.rank else Level.INFO
    finding = Finding(rule="code-execution", level=level, where="data.pkl:0x1f", summary="Calls os.system.")
    report = ScanReport(format="pickle", complete=True, code_bearing=True, findings=(finding,))
    return Record(
        **{
            "path": "/blobs/3f",
            "name": "org/model@main: x.bin",
            "report": report,
            "judgement": Judgement(verdict=verdict, reasons=("code-execution",)),
            "size": 3,
            "engine": EngineVersion(picklewatch="0.1", fickling="0.1.12", rules="abc"),
            **fields,
        }
    )


def test_json_lines_have_event_level_and_timestamp_first() -> None:
    """Then the fields, as given."""
    stream = io.StringIO()
    assert log.configure("auto", "info", stream) == "json"
    structlog.get_logger().warning("watch.degraded", root=Path("/x"), watches=7, message="No watches left.")
    event = json.loads(stream.getvalue())
    assert list(event) == ["event", "level", "timestamp", "root", "watches", "message"]
    assert (event["event"], event["level"], event["root"], event["watches"]) == ("watch.degraded", "warning", "/x", 7)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["timestamp"])


def test_a_judged_file_is_logged_with_its_documented_fields() -> None:
    """The same keys as in JSON records."""
    stream = io.StringIO()
    log.configure("json", "info", stream)
    structlog.get_logger().error("file.scanned", **record().to_json())
    event = json.loads(stream.getvalue())
    assert event.pop("event") == "file.scanned"
    assert event.pop("level") == "error"
    del event["timestamp"]
    assert event == record().to_json()


def test_every_verdict_has_a_level_that_is_written_by_default() -> None:
    """Worse verdicts more loudly."""
    order = ["info", "warning", "error"]
    levels = [order.index(log.LEVEL_OF_VERDICT[verdict]) for verdict in Verdict]
    assert levels == sorted(levels)


def test_less_important_events_are_left_out() -> None:
    """As the configuration says."""
    stream = io.StringIO()
    log.configure("json", "warning", stream)
    structlog.get_logger().info("daemon.started")
    assert stream.getvalue() == ""


def test_libraries_warnings_and_crashing_threads_are_events() -> None:
    """Nothing is written around the configured output."""
    logging.getLogger().handlers.clear()  # pytest's own would choke on the wrong format string below
    stream = io.StringIO()
    log.configure("json", "info", stream)
    log.configure("json", "info", stream)  # again, as on reload: nothing doubles
    logging.getLogger("watchdog.observers").warning("queue %s", "overflow")
    logging.getLogger("watchdog.observers").warning("wrong %d", "number")
    logging.getLogger("watchdog.observers").debug("noise")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log.configure("json", "info", stream)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    thread = threading.Thread(target=lambda: 1 / 0, name="worker-1")
    thread.start()
    thread.join()
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == [*["library.message"] * 3, "thread.crashed"]
    assert (events[0]["logger"], events[0]["message"]) == ("watchdog.observers", "queue overflow")
    assert events[1]["message"] == "wrong %d"
    assert "DeprecationWarning" in events[2]["message"]
    assert events[3]["thread"] == "worker-1"
    assert "ZeroDivisionError" in events[3]["exception"]


class Colour(Enum):
    """A value that JSON does not know."""

    RED = "red\n"


HOSTILE = st.text(st.characters(codec=None, categories=None), max_size=30)


@given(
    HOSTILE,
    st.dictionaries(HOSTILE, st.one_of(HOSTILE, st.binary(max_size=9), st.floats(), st.lists(HOSTILE)), max_size=4),
)
def test_no_text_breaks_a_line_or_a_terminal(event: str, fields: dict[str, Any]) -> None:
    """Whatever names and values hold: one line, printable, and valid JSON."""
    assume(event not in {"file.scanned", "watch.ready", "scan.sandbox"})  # whose fields are ours
    fields = {key: value for key, value in fields.items() if key not in ("event", "level", "timestamp", "exception")}
    cleaned = clean(None, "info", {"event": event, "level": "info", "timestamp": "t", **fields})
    stream = io.StringIO()
    JsonOutput(stream).emit(dict(cleaned))
    assert stream.getvalue().count("\n") == 1
    json.loads(stream.getvalue(), parse_constant=pytest.fail)
    text = console.render(cleaned, colour=False)
    assert all(line.isprintable() for line in text.split("\n", 1))  # a hint stands on a line of its own
    journald.encode(cleaned).decode("utf-8")


def test_values_of_every_kind_become_json() -> None:
    """Also nested ones, also too deep ones."""
    deep: list[Any] = []
    for _ in range(30):
        deep = [deep]
    values = {
        "enum": Colour.RED,
        "path": Path("/a\n"),
        "bytes": b"\xff",
        "set": {1},
        "map": {"k\n": (1, None)},
        "deep": deep,
    }
    cleaned = dict(clean(None, "", {**values, "nan": float("nan"), "object": object}))
    json.dumps(cleaned)
    assert (cleaned["enum"], cleaned["path"], cleaned["bytes"], cleaned["set"]) == ("red\\x0a", "/a\\x0a", "\\xff", [1])
    assert cleaned["map"] == {"k\\x0a": [1, None]}
    assert cleaned["nan"] == "nan"


def test_the_console_shows_the_verdict_and_the_human_name() -> None:
    """With the path only where something is to be done."""
    malicious = console.render(
        {"event": "file.scanned", "level": "error", "id": "r12", **record().to_json()}, colour=False, now=lambda: "T"
    )
    lines = [line.split() for line in malicious.splitlines()]
    assert lines == [
        ["T", "malicious", "r12", "org/model@main:", "x.bin", "(code-execution)"],
        ["file", "/blobs/3f"],
        ["does", "Calls", "os.system."],
        ["next", "picklewatch", "explain", "/blobs/3f"],
    ]
    clean_record = record(Verdict.CLEAN, judgement=Judgement(verdict=Verdict.CLEAN, reasons=()), name=None)
    event = {"event": "file.scanned", "level": "info", **clean_record.to_json()}
    assert console.render(event, colour=False, now=lambda: "T") == "T clean       /blobs/3f"


def test_other_events_show_their_sentence_and_fields() -> None:
    """A value with spaces is quoted; a traceback follows on its own lines."""
    event = {
        "event": "a.b",
        "level": "info",
        "message": "It is.",
        "x": "a b",
        "y": [1],
        "exception": "Traceback\n  line",
    }
    assert (
        console.render(event, colour=False, now=lambda: "T")
        == 'T info        a.b: It is.  x="a b" y=[1]\nTraceback\n  line'
    )


def test_colours_only_on_terminals_that_want_them() -> None:
    """``NO_COLOR`` wins over everything."""
    assert not console.wants_colour(io.StringIO(), {})
    assert console.wants_colour(io.StringIO(), {"FORCE_COLOR": "1"})
    assert not console.wants_colour(io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"})
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        assert console.wants_colour(stream, {"TERM": "xterm"})
        assert not console.wants_colour(stream, {"TERM": "dumb"})
        assert log.choose_format("auto", stream) == "console"
        log.configure("auto", "info", stream)
        structlog.get_logger().error("a.b")
        assert b"\x1b[1;31merror" in os.read(main, 200)
    os.close(main)


def test_a_full_disk_does_not_reach_the_caller_and_is_told_later() -> None:
    """The count of lost lines comes before the next line that is written."""
    log.OUTLET.retry()
    with Path("/dev/full").open("w") as full:
        log.configure("json", "info", full)
        assert structlog.get_logger().info("a.lost") is False
        assert structlog.get_logger().info("b.lost") is False
    stream = io.StringIO()
    log.configure("json", "info", stream)
    assert structlog.get_logger().info("c.written") is True
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(event["event"], event.get("dropped")) for event in events] == [("log.dropped", 2), ("c.written", None)]


def test_a_closed_stream_does_not_reach_the_caller() -> None:
    """The reader of a pipe may go away, a stream may be closed, or was never there."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, pytest.raises(BrokenPipeError):
        LineWriter(stream).write("lost")
    with pytest.raises(OSError, match="closed"):
        LineWriter(stream).write("lost")
    LineWriter(None).write("nowhere")
    assert log.choose_format("auto", None) == "json"


def test_a_pipe_that_nobody_reads_is_not_waited_for_and_a_begun_line_is_ended() -> None:
    """Lines stay whole: what was begun goes before the next."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as reader, os.fdopen(writing, "w") as stream:
        writer = LineWriter(stream)
        writer.write("x" * 100_000, 0)  # more than the pipe holds
        with pytest.raises(TimeoutError):
            writer.write("refused", 0.01)
        read = reader.read1(1 << 16)
        writer.write("next", 0)
        while len(read) < 100_006:
            read += reader.read1(1 << 16)
        assert read == b"x" * 100_000 + b"\nnext\n"


class Slow:
    """An output that takes its time, by a clock of its own, and keeps what it got."""

    def __init__(self) -> None:
        self.now = 0.0
        self.takes = 0.0
        self.events: list[str] = []

    def emit(self, event: dict[str, Any], seconds: float) -> None:
        """Take *event*, if that is possible within *seconds*."""
        self.now += min(self.takes, seconds)
        if self.takes > seconds:
            raise TimeoutError("too slow")
        self.events.append(event["event"])


def test_a_slow_log_is_waited_for_a_tenth_of_the_time() -> None:
    """What does not go in then is lost, and counted, but for verdicts; a failure that lasts is trouble."""
    slow = Slow()
    outlet = Outlet(slow, clock=lambda: slow.now)
    slow.takes = 0.5
    assert [outlet.emit({"event": "a.b"}) for _ in range(4)] == [True, True, False, False]
    assert slow.now == LONGEST
    troubles = [outlet.trouble]
    slow.now += 5
    assert [*troubles, outlet.trouble] == [None, "too slow"]
    assert outlet.emit({"event": "a.c"}) is False  # the line about the two that were lost took the credit
    assert slow.events == ["a.b", "a.b", "log.dropped"]
    waited = 0.0
    for _ in range(1000):
        before = slow.now
        outlet.emit({"event": KEPT})
        waited += slow.now - before
        slow.now += 1
    assert waited / slow.now <= SHARE + 0.01
    slow.takes = 0.0
    outlet.retry()
    assert outlet.emit({"event": KEPT}) is True
    assert outlet.trouble is None
    assert slow.events.count("log.dropped") == 2


class Journal:
    """A journal that keeps what it receives."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)

    def fields(self) -> dict[str, str]:
        """Receive one entry and take it apart as journald does."""
        size = array.array("i").itemsize
        data, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(size))
        for _, _, payload in ancillary:
            fd = int.from_bytes(payload[:size], sys.byteorder)
            data = os.pread(fd, 1 << 24, 0)
            with pytest.raises(OSError, match="not permitted"):
                os.pwrite(fd, b"x", 0)  # sealed
            os.close(fd)
        return dict(self._parse(data))

    def _parse(self, data: bytes) -> Iterator[tuple[str, str]]:
        while data:
            line, _, data = data.partition(b"\n")
            name, equals, value = line.partition(b"=")
            if not equals:
                size = int.from_bytes(data[:8], "little")
                value, data = data[8 : 8 + size], data[8 + size + 1 :]
            yield name.decode(), value.decode()


@pytest.fixture
def daemon() -> Iterator[Journal]:
    """A journal that listens."""
    with open_directory() as directory:
        made = Journal(directory / "socket")
        yield made
        made.socket.close()


class Kept:
    """An output that keeps events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def emit(self, event: dict[str, Any], _seconds: float) -> None:
        """Keep *event*."""
        self.events.append(event)


def test_the_journal_gets_fields(daemon: Journal) -> None:
    """Text as it is, everything else as JSON, tracebacks with their lines."""
    event = {"event": "file.scanned", "level": "error", "timestamp": "t", "id": "r12", **record().to_json()}
    journald.JournalOutput(Kept(), daemon.path).emit({**event, "exception": "a\nb"})
    fields = daemon.fields()
    assert fields["MESSAGE"] == "malicious: org/model@main: x.bin  (code-execution)  /blobs/3f  r12\na\nb"
    assert (fields["PRIORITY"], fields["SYSLOG_IDENTIFIER"]) == ("3", "picklewatch")
    assert fields["PICKLEWATCH_EVENT"] == "file.scanned"
    assert fields["PICKLEWATCH_VERDICT"] == "malicious"
    assert fields["PICKLEWATCH_ID"] == "r12"
    assert json.loads(fields["PICKLEWATCH_FINDINGS"])[0]["rule"] == "code-execution"
    assert fields["PICKLEWATCH_PICKLES"] == "0"
    assert "PICKLEWATCH_SHA256" not in fields


def test_a_big_entry_goes_by_descriptor(daemon: Journal) -> None:
    """Datagrams end at some 200 KiB; 200 findings with their evidence do not."""
    kept = Kept()
    journald.JournalOutput(kept, daemon.path).emit({"event": "a.b", "level": "info", "big": "x" * 2_000_000})
    fields = daemon.fields()
    assert len(fields["PICKLEWATCH_BIG"]) == 2_000_000
    assert kept.events == []


def test_without_a_journal_the_event_goes_to_the_fallback(tmp_path: Path) -> None:
    """Nothing is lost when journald restarts."""
    kept = Kept()
    journald.JournalOutput(kept, str(tmp_path / "none")).emit({"event": "a.b", "level": "info"})
    assert [event["event"] for event in kept.events] == ["a.b"]


def test_a_journal_that_does_not_read_is_not_waited_for(daemon: Journal) -> None:
    """Nor does the event go to standard error, which leads to the same journal."""
    kept = Kept()
    output = journald.JournalOutput(kept, daemon.path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, contextlib.suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(b"PRIORITY=6\n", daemon.path)
    with pytest.raises(TimeoutError):
        output.emit({"event": "a.b", "level": "info"}, 0.01)
    assert kept.events == []


def test_the_journal_is_chosen_where_standard_error_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``JOURNAL_STREAM`` names its device and inode; a redirected stream is no journal."""
    with (tmp_path / "x").open("w") as stream:
        status = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert log.choose_format("auto", stream) == "journal"
        assert log.configure("auto", "info", stream) == "journal"
    assert log.choose_format("auto", io.StringIO()) == "json"
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    with (tmp_path / "x").open("w") as stream:
        assert log.choose_format("auto", stream) == "json"


def test_the_journals_message_tells_the_fields_too(daemon: Journal) -> None:
    """`journalctl` shows nothing else; long ones are cut."""
    event = {"event": "walk.done", "level": "info", "roots": ["/a b", "/c"], "nothing": None, "reason": "new mount"}
    journald.JournalOutput(Kept(), daemon.path).emit(event)
    assert daemon.fields()["MESSAGE"] == 'walk.done  roots=["/a b", "/c"] reason="new mount"'
    journald.JournalOutput(Kept(), daemon.path).emit({**event, "roots": ["/a"] * 1000})
    assert len(daemon.fields()["MESSAGE"]) == len("walk.done  ") + console.LONGEST_REST


def test_clean_files_do_not_scroll_the_hostile_one_away() -> None:
    """120 clean downloads are one line of a terminal, which each of them replaces."""
    main, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        output = console.ConsoleOutput(stream)
        output.emit({"event": "file.scanned", "level": "error", **record().to_json()})
        clean_record = record(Verdict.CLEAN, judgement=Judgement(verdict=Verdict.CLEAN, reasons=()), name=None)
        for _ in range(120):
            output.emit({"event": "file.scanned", "level": "info", **clean_record.to_json()})
            output.emit({"event": "file.linked", "level": "info", "path": "/a", "other": "/b", "verdict": "clean"})
        text = b""
        while b"120 files" not in text:
            text += os.read(main, 1 << 16)
    os.close(main)
    shown = text.decode()
    assert "malicious" in shown
    lines_left = shown.count("\n") - shown.count("\x1b[1A")
    assert lines_left == 5  # four about the hostile file, and the count


def test_where_nothing_can_be_replaced_the_count_is_seldom() -> None:
    """A file or a dumb terminal gets the count at 1, 10 and 100; a hostile file gets its lines at once."""
    stream = io.StringIO()
    output = console.ConsoleOutput(stream)
    clean_record = record(Verdict.CLEAN, judgement=Judgement(verdict=Verdict.CLEAN, reasons=()), name=None)
    for _ in range(120):
        output.emit({"event": "file.scanned", "level": "info", **clean_record.to_json()})
    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["1", "10", "100"]
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"event": "scan.sandbox", "level": "info", "complete": True, "missing": []}, ""),
        (
            {"event": "scan.sandbox", "level": "warning", "missing": ["Landlock"]},
            "is incomplete on this machine: Landlock",
        ),
        ({"event": "watch.ready", "level": "info", "roots": ["/a"], "waiting": 2}, "watching 1 directory; 2 more"),
        ({"event": "file.renamed", "level": "info", "path": "/a", "was": "/b", "verdict": "malicious"}, "explain /a"),
        (
            {"event": "file.linked", "level": "info", "path": "/a", "other": "/b", "verdict": "unsafe"},
            "/b is also at /a",
        ),
        (
            {"event": "file.scanned", "level": "error", "id": "r7", **record(path="/a\n", name=None).to_json()},
            "picklewatch explain r7",
        ),
        ({"event": "quarantine.moved", "level": "warning", "id": "c6aa", "path": "/a"}, "quarantine show c6aa"),
        ({"event": "watch.degraded", "level": "warning", "message": "No watches.", "hint": "Raise it."}, "Raise it."),
    ],
)
def test_the_console_speaks_to_a_person(event: dict[str, Any], said: str) -> None:
    """No names of fields; nothing where all is well; the next command where something is to be done."""
    stream = io.StringIO()
    console.ConsoleOutput(stream).emit(event)
    assert said in stream.getvalue()
    assert bool(stream.getvalue()) == bool(said)
