"""Texts that the daemon reads: the child's words, requests, tombstones, journals, cache names, mounts, settings."""

from __future__ import annotations

import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz import mutate_archives, mutate_bytes
from fuzz.target import LawBrokenError, Target

from picklewatch.config import schema, value_kinds
from picklewatch.core import path_patterns, units
from picklewatch.core.errors import ConfigError
from picklewatch.core.member_patterns import is_member, member_of
from picklewatch.core.model import Limits, Verdict
from picklewatch.core.tombstone import parse_tombstone, tombstones
from picklewatch.ipc import codec
from picklewatch.ipc.messages import (
    ANSWERS,
    REQUESTS,
    AllowRequest,
    Answerer,
    DeleteItemRequest,
    Find,
    ItemAnswer,
    ItemRequest,
    NamedRequest,
    NewsAnswer,
    NewsRequest,
    PurgeRequest,
    RecordsRequest,
    RefusalCause,
    RequestRefusal,
    RestoreItemRequest,
    SinkReport,
    StatusAnswer,
    StatusRequest,
)
from picklewatch.quarantine import journal
from picklewatch.quarantine.item import Item, item_of
from picklewatch.sandbox import wire
from picklewatch.scanning import display_names
from picklewatch.telemetry.daemon_report import DaemonStatus
from picklewatch.watch import mounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

_FINDING = {
    "rule": "code-execution",
    "level": "malicious",
    "where": "0x0",
    "summary": "s",
    "evidence": "e",
    "subject": "os.system",
}
_REPORT = {"format": "pickle", "complete": True, "code_bearing": True, "pickles": 1, "opcodes": 9, "sha256": "0" * 64}
_LINE = {"kind": "step", "offset": 1, "stack": ["a", "b"], "note": None, "inert": True}
_SAID = (
    b'["finding",',
    b'["import",',
    b'["report",',
    b'["line",',
    b'["end",null]',
    b"\n",
    b'"\\ud800"',
    b"1e9",
    b"NaN",
)


def _said() -> Iterator[bytes]:
    yield wire.encode("finding", _FINDING) + wire.encode("import", "os.system") + wire.encode("report", _REPORT)
    yield wire.encode("report", {**_REPORT, "sha256": None, "complete": False})
    yield wire.encode("line", _LINE) + wire.encode("end", None)
    yield wire.encode("failed", ("memory", "")) + b"rest"


def _wire(data: bytes) -> None:
    """The parent believes or refuses, nothing else; what it believes is printable."""
    limits = Limits(findings=3, imports=3, output=5_000)
    reader, builder = wire.LineReader(limits.output), wire.ReportBuilder(limits)
    try:
        for kind, value in reader.feed(data):
            if kind == "line":
                told = wire.view_line(kind, value)
                if not all(item.isprintable() for item in told.values() if isinstance(item, str)):
                    raise LawBrokenError("not-printable", told)
            else:
                builder.take(kind, value)
        reader.finish()
    except wire.GarbageError:
        return
    if builder.done:
        report = builder.report(duration_ms=0.0, peak_kib=0)
        if not all(name.isprintable() for name in report.imports) or len(report.findings) > limits.findings:
            raise LawBrokenError("not-printable", report)


def _said_otherwise(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    if lines[at] and rng.random() < 0.6:
        lines[at] = mutate_archives.json_text(lines[at], rng)
        return b"\n".join(lines)
    return mutate_bytes.mutate(data, rng, _SAID)


_FIELDS = {
    "version": 1, "state": "quarantined", "root": "L2E=", "relative": "Yg==", "name": None, "names": ["L2M="],
    "verdict": "unsafe", "reasons": ["code-execution"], "sha256": "0" * 64, "size": 7, "mode": 420, "taken": 1.5,
    "changed": 1.5, "target": "L2Q=",
}  # fmt: skip


def _journal_lines() -> Iterator[bytes]:
    yield json.dumps(_FIELDS).encode()
    yield json.dumps({"state": "moving"}).encode()
    yield b'{"state": "restoring", "names": []}'


def _journal(data: bytes) -> None:
    """A line with a right checksum is an object or nothing; with a wrong one, nothing."""
    if journal._parse(data) is not None:
        raise LawBrokenError("no-checksum", data)
    fields = journal._parse(b"%s %08x" % (data, zlib.crc32(data)))
    if fields is not None:
        json.dumps(fields)
        try:
            item_of("0" * 12, fields).to_json()
        except (ValueError, TypeError, AttributeError, OverflowError, OSError):
            return  # whoever writes our journal is us; see the vault's recovery


def _tombstones() -> Iterator[bytes]:
    yield from tombstones("0123456789ab")


def _tombstone(data: bytes) -> None:
    """Only the exact bytes are one."""
    item_id = parse_tombstone(data)
    if item_id is not None and data not in tombstones(item_id):
        raise LawBrokenError("not-a-tombstone", data)


_ROOT = "/nonexistent-picklewatch-fuzz"
_PATHS = (
    *("/hub/models--org--name/snapshots/abc/model.bin", "/hub/models--a/blobs/0123.incomplete", "/hub/blobs/ab/cdef"),
    *(
        "/torch/hub/checkpoints/x.pt",
        "/hub/datasets--a--b/refs/main",
        "/.cache/whisper/x.pt",
        "/kagglehub/models/a/b/c/d/1/x",
    ),
    *("/ollama/models/blobs/sha256-0123456789abcdef", "/modelscope/hub/a/b/c", "/.keras/models/x", "/nltk_data/a"),
)
_PATH_WORDS = (*(word.encode() for path in _PATHS for word in path.split("/") if word), b"/", b"--", b"//", b"\xff")


def _paths() -> Iterator[bytes]:
    return (path.encode() for path in _PATHS)


def _names(data: bytes) -> None:
    """Any path has a name or none, and links or none; below a directory that does not exist, so nothing is read."""
    path = _ROOT + os.fsdecode(data.replace(b"\0", b"").replace(b"..", b"."))
    display_names.describe(path)
    display_names.links_to(path)
    is_member(path, os.fsdecode(data[:40]))
    member_of(path)


def _configs() -> Iterator[bytes]:
    yield (Path(__file__).parents[3] / "config.example.toml").read_bytes()
    yield b'[scan]\nworkers = 2\n[scan.limits]\ntime = "60s"\nmemory = "1GiB"\n[allow.imports]\n"a.b" = "why"\n'
    yield b'[watch]\nexclude = ["*.tmp", "~/x/**"]\n[quarantine]\nlevel = "unsafe"\n[log]\nformat = "json"\n'


_CONFIG_WORDS = (
    *(
        b"[watch]\n",
        b"[scan]\n",
        b"[scan.limits]\n",
        b"[allow.imports]\n",
        b"[allow.digests]\n",
        b"[quarantine]\n",
        b"[log]\n",
    ),
    *(
        b"workers = ",
        b"time = ",
        b'"60s"',
        b'"1GiB"',
        b"exclude = [",
        b"true",
        b"-1",
        b"nan",
        b"inf",
        b"1979-05-27",
        b"{}",
    ),
    *(
        b'"a.b" = ',
        b'"' + b"0" * 64 + b'" = ',
        b"'",
        b'"""',
        b"\\u0000",
        b"x = ",
        b"[[scan]]\n",
        b"9" * 30,
        b'"[a"',
        b"\xff",
    ),
)


def _config(data: bytes) -> None:
    """A file is a configuration, or every mistake in it is said."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as file:
        file.write(data)
        file.flush()
        try:
            schema.load(Path(file.name), {})
        except ConfigError as error:
            if not error.problems:
                raise LawBrokenError("no-reason", error) from None


def _config_text(data: bytes, rng: Random) -> bytes:
    return mutate_bytes.mutate(data, rng, _CONFIG_WORDS)


def _mount_lines() -> Iterator[bytes]:
    yield b"36 35 98:0 / /mnt\\040x rw,noatime master:1 - ext4 /dev/sda rw\n37 36 0:5 / /mnt/y rw - nfs4 h:/x rw\n"
    yield b"1 0 0:1 / / rw - overlay o rw\n2 1 0:2 / /proc rw shared:2 - proc proc rw\n3 1 0:3 / /a rw - fuse.x s rw\n"


def _mounts(data: bytes) -> None:
    """Lines that are no mounts are none."""
    table = tuple(mount for line in data.splitlines() if (mount := mounts._parse(line)) is not None)
    mounts.mount_of("/mnt/y/z", table)
    for mount in table:
        os.fsencode(mount.point)


_ASKED = (
    b'{"kind":"status"}',
    b'"kind":"item"',
    b'"id":"',
    b'"reason":',
    b"null",
    b"NaN",
    b"1e999",
    b'"\\udcff"',
    b"\n",
)


def _messages() -> Iterator[bytes]:
    by = Answerer(version="1.0", whole=False, group="ml")
    requests: tuple[object, ...] = (StatusRequest(), ItemRequest(id="12ab"))
    requests += (RestoreItemRequest(id="0" * 12, reason="ours\udcff"),)
    requests += (DeleteItemRequest(id="0" * 12, keep_tombstone=True), RecordsRequest(verdicts=tuple(Verdict)))
    requests += (PurgeRequest(max_items=1), AllowRequest(sha256="0" * 64, reason="ours"))
    requests += (NamedRequest(name="r12"), RecordsRequest(verdicts=(), uid=1000, homes=("/home/ada",), before=7))
    requests += (NewsRequest(verdicts=(Verdict.UNSAFE,), after=7, sinks=(SinkReport(name="mail", since=1.5),)),)
    yield from (codec.encode(request, REQUESTS) for request in requests)
    find = Find(id=7, at=1.5, path="/m\udcff", verdict=Verdict.UNSAFE, size=1)
    answers: tuple[object, ...] = (
        ItemAnswer(by=by, items=({"id": "0" * 12},), more=1),
        StatusAnswer(by=by, status={"running": True}),
    )
    answers += (NewsAnswer(by=by, store="0f", upto=7, finds=(find,), more=True),)
    yield from (codec.encode(answer, ANSWERS) for answer in (*answers, RequestRefusal(why=RefusalCause.BUSY)))


def _message(data: bytes) -> None:
    """Bytes are a message, which is written and read again as the same, or refused; an item or status in it, too."""
    for kinds in (REQUESTS, ANSWERS):
        try:
            message = codec.decode(data, kinds)
        except codec.MessageError:
            continue
        if codec.decode(codec.encode(message, kinds), kinds) != message:
            raise LawBrokenError("read-differently", message)
        if isinstance(message, StatusAnswer):
            DaemonStatus.of(message.status).to_json()
        for item in message.items if isinstance(message, ItemAnswer) else ():
            try:
                codec.build(Item, item).to_json()
            except (codec.MessageError, OverflowError):  # a time beyond the calendar's end
                continue


def _units() -> Iterator[bytes]:
    yield from (b"90s", b"1h 30m", b"1.5d", b"512MiB", b"8GiB", b"10kB", b"0", b"1 ms")


def _unit(data: bytes) -> None:
    """A duration or size is a finite number that is not negative, or no such thing."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in (units.parse_duration, units.parse_size):
        try:
            value = parse(text)
        except ValueError:
            continue
        if not 0 <= value < float("inf"):
            raise LawBrokenError("not-finite", value)
        units.show_duration(value) if parse is units.parse_duration else units.show_size(int(value))


def _globs() -> Iterator[bytes]:
    yield from (b"*.tmp", b"/home/**/x[!a]?", b"~/a/*", b"[]]", b"**/", b"[z-a]", b"/a/[")


def _glob(data: bytes) -> None:
    """A pattern is refused when it is set, or works."""
    pattern = data.decode("utf-8", "surrogateescape")
    try:
        value_kinds._glob(pattern)
    except ValueError:
        return
    path_patterns.excluder([pattern])("/home/user/models/" + pattern[:20])


def _path(data: bytes, rng: Random) -> bytes:
    return mutate_bytes.mutate(data, rng, _PATH_WORDS)


TARGETS = (
    Target(name="wire", run=_wire, seeds=_said, mutate=_said_otherwise, words=_SAID, longest=4_000),
    Target(name="journal", run=_journal, seeds=_journal_lines, mutate=mutate_archives.json_text, longest=2_000),
    Target(name="tombstone", run=_tombstone, seeds=_tombstones, longest=400),
    Target(name="names", run=_names, seeds=_paths, mutate=_path, words=_PATH_WORDS, longest=400),
    Target(name="config", run=_config, seeds=_configs, mutate=_config_text, words=_CONFIG_WORDS, longest=12_000),
    Target(name="mounts", run=_mounts, seeds=_mount_lines, words=(b" - ", b"\\040", b"nfs4", b"\n"), longest=600),
    Target(
        name="message", run=_message, seeds=_messages, mutate=mutate_archives.json_text, words=_ASKED, longest=2_000
    ),
    Target(name="units", run=_unit, seeds=_units, words=(b"ms", b"min", b"KiB", b"TB", b"e9", b"."), longest=60),
    Target(name="globs", run=_glob, seeds=_globs, words=(b"**/", b"[!", b"]", b"~/", b"[a-"), longest=60),
)
"""What is read outside of the sandbox."""
