"""The daemon's status as metrics in Prometheus' text format (docs/metrics.md lists them)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from picklewatch.telemetry.daemon_report import DaemonReport, DaemonStatus, StoreReport

_Sample = tuple[str, dict[str, str], float]
"""A metric's name, its labels and its value."""

_HELP = {
    "picklewatch_info": "The version of the daemon and of its engine; always 1.",
    "picklewatch_up": "Whether the daemon runs.",
    "picklewatch_ready": "Whether it watches everything that exists.",
    "picklewatch_healthy": "Whether it is ready and nothing is wrong.",
    "picklewatch_sandbox_complete": "Whether no protection of the sandbox is missing.",
    "picklewatch_start_time_seconds": "When it started, in seconds since 1970.",
    "picklewatch_last_write_time_seconds": "When it last wrote what is shown here, in seconds since 1970.",
    "picklewatch_problems": "What is wrong now, by name.",
    "picklewatch_faults_total": "What went wrong since the start, repaired or not, by name.",
    "picklewatch_counts_total": "What else was counted since the start, by name.",
    "picklewatch_judged_total": "Files judged since the start.",
    "picklewatch_queue_files": "Files that wait to be judged.",
    "picklewatch_in_hand_files": "Files that are being judged.",
    "picklewatch_files": "Files that are there and have a verdict, by verdict; allowed ones apart.",
    "picklewatch_away_files": "Files that have a verdict and are not there: gone, or moved into quarantine.",
    "picklewatch_restored_files": "Allowed files that are there, and were in quarantine.",
    "picklewatch_files_of_older_version": "Files whose verdict is an older version's.",
    "picklewatch_moves": "Moves into quarantine, by how they are doing.",
    "picklewatch_unsafe_now_files": "Unsafe and malicious files that are there and not allowed, up to a thousand.",
    "picklewatch_allowed_digests": "Contents that somebody vouched for.",
    "picklewatch_roots": "Watched directories, by how they are doing.",
    "picklewatch_notify_waiting_finds": "Finds that a sink has not been told of yet, by sink.",
    "picklewatch_notify_failing": "Whether the last message to a sink failed, by sink.",
    "picklewatch_memory_bytes": "The memory of all processes now, by how it was measured.",
    "picklewatch_memory_peak_bytes": "The most memory that the daemon's own process, or a scan's, has needed.",
}


def exposition(status: DaemonStatus) -> str:
    """Return every number of *status* in the text format."""
    lines: list[str] = []
    former = ""
    for name, labels, value in _samples(status):
        if name != former:
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} {kind}"]
            former = name
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.15g}" if inside else f"{name} {value:.15g}")
    return "\n".join(lines) + "\n"


def _samples(status: DaemonStatus) -> Iterator[_Sample]:
    yield "picklewatch_up", {}, status.running
    yield "picklewatch_ready", {}, status.running and status.daemon.ready
    yield "picklewatch_healthy", {}, status.healthy
    if status.running and status.daemon.version:
        yield from _of_the_run(status.daemon)
    if status.memory is not None:
        yield "picklewatch_memory_bytes", {"measure": "pss" if status.memory.exact else "rss"}, status.memory.kib * 1024
    if status.store is not None:
        yield from _of_the_store(status, status.store)


def _of_the_run(report: DaemonReport) -> Iterator[_Sample]:
    yield "picklewatch_info", {"version": report.version, "engine": report.engine}, 1
    yield "picklewatch_sandbox_complete", {}, not report.unprotected
    yield "picklewatch_start_time_seconds", {}, report.started or 0.0
    yield "picklewatch_last_write_time_seconds", {}, report.beat or 0.0
    yield from _by("picklewatch_faults_total", "what", report.faults)
    others = {what: number for what, number in report.counts.items() if what not in report.faults}
    yield from _by("picklewatch_counts_total", "what", others)
    yield "picklewatch_judged_total", {}, report.judged
    yield "picklewatch_in_hand_files", {}, report.in_hand
    yield from _by("picklewatch_roots", "state", Counter(root.state for root in report.roots))
    waiting = {sink.get("name", ""): sink.get("waiting", 0) for sink in report.sinks}
    yield from _by("picklewatch_notify_waiting_finds", "sink", waiting)
    failing = {sink.get("name", ""): bool(sink.get("failure")) for sink in report.sinks}
    yield from _by("picklewatch_notify_failing", "sink", failing)
    for process, peak_kib in (("daemon", report.peak_kib), ("scan", report.scan_peak_kib)):
        yield "picklewatch_memory_peak_bytes", {"process": process}, peak_kib * 1024


def _of_the_store(status: DaemonStatus, store: StoreReport) -> Iterator[_Sample]:
    yield from _by("picklewatch_problems", "what", Counter(problem.what for problem in status.problems))
    yield "picklewatch_queue_files", {}, store.queue
    yield from _by("picklewatch_files", "verdict", store.verdicts)
    yield from _by("picklewatch_away_files", "where", store.away)
    yield "picklewatch_restored_files", {}, store.restored
    yield "picklewatch_files_of_older_version", {}, store.old
    yield from _by("picklewatch_moves", "state", store.moves)
    yield "picklewatch_unsafe_now_files", {}, store.unsafe_now
    yield "picklewatch_allowed_digests", {}, store.allowed


def _by(name: str, label: str, numbers: Mapping[str, int]) -> Iterator[_Sample]:
    for key, number in sorted(numbers.items()):
        yield name, {label: str(key)}, number


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
