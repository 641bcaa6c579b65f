"""The configuration: every key, its default, its meaning, and all mistakes at once.

Files are TOML; a later source overrides an earlier one key by key: the defaults, ``/etc/picklewatch/config.toml``,
the user's file, environment variables (``PICKLEWATCH_SCAN_WORKERS=2``). See `picklewatch.config.sources`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from picklewatch.config.problems import describe
from picklewatch.config.sources import ConfigSource, automatic_workers, config_error, read_sources
from picklewatch.config.value_kinds import (
    AbsoluteGlob,
    AbsolutePath,
    Count,
    Digest,
    Duration,
    Glob,
    Import,
    Memory,
    OptionalPath,
    Reason,
    Size,
    Timeout,
    Users,
)
from picklewatch.core.model import DEFAULT_LIMITS, Limits, Policy, Verdict
from picklewatch.ipc.places import GUARD

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class _ConfigSection(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class WatchConfig(_ConfigSection):
    """Where the daemon looks."""

    caches: StrictBool = True
    """Whether to watch the caches of model tools, found as the tools themselves find them (docs/caches.md)."""
    users: Users = "auto"
    """Whose caches: "self", "all" users' of this machine, or "auto": all for root and system services, else self. A list adds users whom the user database does not list: ["ada"]; ["self", "ada"] means these two alone."""  # noqa: E501 - shown as one sentence
    homes: tuple[AbsoluteGlob, ...] = ()
    """More directories that are homes, whoever's, with "*" and "?" as the shell has them: "/data/people/*". Beside the homes of known users they are found without this."""  # noqa: E501 - shown as one sentence
    roots: tuple[AbsolutePath, ...] = ()
    """More directories to watch, with everything below them. They need not exist yet."""
    exclude: tuple[Glob, ...] = ()
    """What not to look at: a name such as "*.log" anywhere, or an absolute path; "*" stays within a name, "**" does not. Nothing below an excluded directory is scanned."""  # noqa: E501 - shown as one sentence
    settle: Duration = 2.0
    """How long a file must be quiet before it is scanned when its writer doesn't close it."""
    rescan: Duration = 86400.0
    """How often all roots are walked again, for whatever no event reported; 0 for never."""


class LimitsConfig(_ConfigSection):
    """Bounds of one file's scan; reaching one makes the file unscannable, never clean."""

    time: Timeout = DEFAULT_LIMITS.seconds
    """Wall-clock time."""
    cpu_time: Timeout = float(DEFAULT_LIMITS.cpu_seconds)
    """Processor time."""
    memory: Memory = DEFAULT_LIMITS.memory
    """Private memory of the scanning process (the file itself does not count)."""
    opcodes: Count = DEFAULT_LIMITS.opcodes
    """Pickle opcodes walked."""
    depth: Annotated[StrictInt, Field(ge=1, le=64)] = DEFAULT_LIMITS.depth
    """Archives and pickles nested in each other."""
    members: Count = DEFAULT_LIMITS.members
    """Archive members looked at."""
    unpacked: Size = DEFAULT_LIMITS.unpacked
    """What decompression may produce in all (streamed, never held at once)."""
    member: Size = DEFAULT_LIMITS.member
    """One unpacked member held in memory at once."""
    findings: Count = DEFAULT_LIMITS.findings
    """Findings kept; the most harmful stay."""
    evidence: Count = DEFAULT_LIMITS.evidence
    """Characters of one finding's evidence."""
    imports: Count = DEFAULT_LIMITS.imports
    """Distinct imports listed."""
    fickling_opcodes: Count = DEFAULT_LIMITS.fickling_opcodes
    """Size of a pickle, in opcodes, up to which fickling is asked for evidence."""
    fickling_time: Duration = DEFAULT_LIMITS.fickling_seconds
    """Processor time that fickling may take."""
    output: Size = DEFAULT_LIMITS.output
    """Result accepted from the sandboxed process."""


class ScanConfig(_ConfigSection):
    """How files are scanned."""

    workers: Annotated[StrictInt, Field(ge=0, le=256)] = 0
    """Files scanned at the same time; 0 for one per processor, at most 4. At most half of them take slow scans."""
    batch: Annotated[StrictInt, Field(ge=1, le=256)] = 256
    """Small files of one owner and directory that a walk or `picklewatch scan` has judged by one process first; 1 for one process per file (docs/sandbox.md)."""  # noqa: E501 - shown as one sentence
    require_sandbox: StrictBool = False
    """Whether to refuse to run where the kernel lacks a protection of the sandbox (`picklewatch doctor` says which)."""
    limits: LimitsConfig = LimitsConfig()

    @property
    def worker_count(self) -> int:
        """The number of workers, 0 resolved for this machine."""
        return self.workers or automatic_workers()


class QuarantineConfig(_ConfigSection):
    """What is moved away, and where to."""

    level: Literal["off", "malicious", "unsafe", "unscannable", "unverified"] = "off"
    """The lowest verdict that is moved; "off" only reports. "unsafe" is a good choice once the reports look right."""
    store: OptionalPath = None
    """Where quarantined files are kept; empty for the directory "quarantine" in the state directory."""
    tombstones: StrictBool = True
    """Whether a tombstone takes the place of a file that its client would silently download again. Loading it fails with words that name picklewatch."""  # noqa: E501 - shown as one sentence

    upgrade_moves: Annotated[StrictInt, Field(ge=0)] = 10
    """How many files a new version may move whose content an older one let stay; more wait for `picklewatch quarantine apply`, so that a mistake in a list empties no cache."""  # noqa: E501 - shown as one sentence

    def takes(self, verdict: Verdict) -> bool:
        """Return True if a file with *verdict* is moved."""
        return self.level != "off" and verdict.rank >= Verdict(self.level).rank


class GuardConfig(_ConfigSection):
    """Whether opens wait for the verdict, and for how long: for `picklewatch guard run` alone (docs/guard.md)."""

    mode: Literal["off", "on"] = "off"
    """"on": `picklewatch guard run` guards everything that the daemon watches. Directories that it is given are guarded whatever this says."""  # noqa: E501 - shown as one sentence
    deny: Literal["malicious", "unsafe", "unscannable", "unverified"] = "unsafe"
    """The lowest verdict whose files can't be opened."""
    max_wait: Timeout = 30.0
    """How long opens of one content wait for its verdict."""
    late: Literal["allow", "deny"] = "allow"
    """What becomes of an open for which no verdict came in time. If the guard itself dies, the kernel allows all."""
    stall: Timeout = 2.0
    """How long a process of the guard may be silent before it is ended and replaced."""
    socket: AbsolutePath = GUARD
    """The directory in which the guard listens for the daemon, which tells it what it knows."""


class RecordsConfig(_ConfigSection):
    """What is remembered of files that changed or went (docs/records.md)."""

    keep: Count = 1_000_000
    """How many outcomes of files that changed or went are remembered; the oldest go first. A file that is there is never forgotten."""  # noqa: E501 - shown as one sentence


class SocketConfig(_ConfigSection):
    """Who may ask the daemon, and for what (docs/socket.md)."""

    group: StrictStr = ""
    """The group whose members see everything, and may restore quarantined files and allow contents, as root does; empty for none. Others see what concerns files that they own or that lie in their home."""  # noqa: E501 - shown as one sentence
    users_may: tuple[Literal["restore", "allow"], ...] = ()
    """What every user may do with files of their own: "restore" quarantined ones, "allow" contents. Either allows the content on the whole machine, in everybody's caches."""  # noqa: E501 - shown as one sentence
    notifier: StrictStr = "picklewatch-notify"
    """The user that is told of everybody's finds, to pass them on, and may ask for nothing else: the one that `picklewatch-notify.service` runs as. Without such a user here, nobody is."""  # noqa: E501 - shown as one sentence


class NotifyConfig(_ConfigSection):
    """Who is told of finds, by `picklewatch notify run` (docs/notify.md). The daemon itself sends nothing."""

    level: Literal["malicious", "unsafe", "unscannable", "unverified"] = "unsafe"
    """The lowest verdict that is told."""
    command: tuple[StrictStr, ...] = ()
    """A program and its arguments, which gets each message as one JSON object on standard input. No shell is involved; after 30 seconds it is ended, and tried again later."""  # noqa: E501 - shown as one sentence

    urls: OptionalPath = None
    """A file with addresses of mail, chat or webhooks, one per line, as apprise has them (the extra "notify"): mailto://user:secret@example.org. They are secrets; so the file need be readable for root alone, and `picklewatch-notify.service` gets it from the service manager. Empty for none."""  # noqa: E501 - shown as one sentence

    @property
    def is_wanted(self) -> bool:
        """Return True if somebody is to be told."""
        return bool(self.command) or self.urls is not None

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return the verdicts that are told."""
        return tuple(verdict for verdict in Verdict if verdict.rank >= Verdict(self.level).rank)


class LogConfig(_ConfigSection):
    """What is logged, and how (docs/logs.md)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important level that is written. Every judged file is at least "info"."""
    format: Literal["auto", "console", "json", "journal"] = "auto"
    """"auto": coloured text on a terminal, the journal's native protocol under systemd, JSON lines otherwise."""


class AllowConfig(_ConfigSection):
    """What you vouch for. Each entry has a reason, which is shown wherever the entry lets something pass."""

    digests: dict[Digest, Reason] = {}
    """SHA-256 of a file's content = reason. Such a file counts as nothing unsafe, whatever it holds."""
    sizes: dict[Digest, Size] = {}
    """SHA-256 of an allowed content = its size. Give it: files of other sizes then need not be hashed before they are moved."""  # noqa: E501 - shown as one sentence
    imports: dict[Import, Reason] = {}
    """Exact "module.name" = reason. Findings about this import no longer count."""


class Config(_ConfigSection):
    """The whole configuration."""

    watch: WatchConfig = WatchConfig()
    scan: ScanConfig = ScanConfig()
    quarantine: QuarantineConfig = QuarantineConfig()
    guard: GuardConfig = GuardConfig()
    records: RecordsConfig = RecordsConfig()
    socket: SocketConfig = SocketConfig()
    notify: NotifyConfig = NotifyConfig()
    log: LogConfig = LogConfig()
    allow: AllowConfig = AllowConfig()

    def limits(self) -> Limits:
        """Return the bounds of a scan."""
        keys = self.scan.limits.model_dump()
        renamed = {"time": "seconds", "fickling_time": "fickling_seconds"}
        cpu = max(1, round(keys.pop("cpu_time")))
        return Limits(cpu_seconds=cpu, **{renamed.get(key, key): value for key, value in keys.items()})

    def policy(self) -> Policy:
        """Return the operator's allowances."""
        return Policy(
            allowed_imports=self.allow.imports,
            allowed_digests=self.allow.digests,
            allowed_sizes=self.allow.sizes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A valid configuration, and its sources."""

    config: Config
    sources: tuple[ConfigSource, ...] = ()
    """The sources that were read, least important first."""

    def origin(self, keys: tuple[str, ...]) -> str:
        """Return the source of the key *keys*: ``default``, ``file:line`` or ``environment``."""
        for source in reversed(self.sources):
            if _has(source.data, keys):
                line = source.line_of(keys)
                return f"{source.name}:{line}" if line else source.name
        return "default"


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> LoadedConfig:
    """Load the configuration: *path* alone, or the files that exist; then environment variables.

    Raises `ConfigError` with every mistake in every source.
    """
    sources = read_sources(path, environ)
    merged: dict[str, Any] = {}
    problems: list[str] = []
    for source in sources:
        problems += _problems(source)
        merged = _merge(merged, source.data)
    if problems:
        raise config_error(problems)
    return LoadedConfig(config=Config.model_validate(merged), sources=sources)


def _problems(source: ConfigSource) -> list[str]:
    try:
        Config.model_validate(source.data)
    except ValidationError as error:
        return [text for _, text in sorted(describe(source, problem, Config) for problem in error.errors())]
    return []


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _has(data: Any, keys: tuple[str, ...]) -> bool:
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return False
        data = data[key]
    return True
