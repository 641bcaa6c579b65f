"""Checks of picklewatch itself: configuration, sandbox, state, quarantine, daemon, and the whole path."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from picklewatch.core.errors import ConfigError, Error, SandboxError
from picklewatch.core.units import human_size
from picklewatch.doctor.checkup import CheckResult, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.config.schema import LoadedConfig
    from picklewatch.telemetry.daemon_report import DaemonStatus

MIN_FREE = 100 << 20
"""Bytes that should be free where the state is."""


def configuration(path: Path | None) -> tuple[LoadedConfig | None, list[CheckResult]]:
    """Load the configuration and check it; return None in its place if it has mistakes."""
    from picklewatch.config import schema

    try:
        loaded = schema.load(path)
    except ConfigError as error:
        text = f"The configuration has mistakes: {'; '.join(error.problems)}"
        return None, [CheckResult(name="configuration", state=Grade.BAD, text=text, hint=error.hint)]
    files = [Path(source.name) for source in loaded.sources if source.name.startswith("/")]
    names = [source.name for source in loaded.sources]
    text = f"Read from {', '.join(names)}." if names else "There is no file, so the defaults apply (report only)."
    checks = [CheckResult(name="configuration", state=Grade.GOOD, text=text, facts={"sources": names})]
    return loaded, checks + [check for file in files for check in _file_safety(file)]


def _file_safety(file: Path) -> Iterator[CheckResult]:
    """Report a configuration that others can write: they could allow any file."""
    status = file.stat()
    owner_is_fine = status.st_uid in (0, os.geteuid())
    if owner_is_fine and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return
    who = "its group or others" if owner_is_fine else f"user {status.st_uid}, who owns it,"
    text = f"{file} can be changed by {who}, who could allow any file with it."
    hint = f"chown root: {file} && chmod 644 {file}" if status.st_uid == 0 else f"chmod 644 {file}"
    yield CheckResult(name="configuration-permissions", state=Grade.BAD, text=text, hint=hint)


def sandbox(loaded: LoadedConfig) -> Iterator[CheckResult]:
    """Start a sandbox, and report which protections are in effect."""
    from picklewatch.sandbox import Scanner

    required = loaded.config.scan.require_sandbox
    scanner = Scanner(loaded.config.limits())
    try:
        protections = scanner.protections
    except SandboxError as error:
        yield CheckResult(
            name="sandbox", state=Grade.BAD, text=f"The sandbox does not start: {error.message}.", hint=error.hint
        )
        return
    finally:
        scanner.close()
    facts = protections.to_json()
    if protections.complete:
        text = (
            f"Scans are confined by Landlock (ABI {protections.landlock_abi}), seccomp, no_new_privs, resource limits "
            "and dropped capabilities."
        )
        yield CheckResult(name="sandbox", state=Grade.GOOD, text=text, facts=facts)
    for missing in protections.missing:
        refused = " The daemon refuses to run: scan.require_sandbox is set." if required else ""
        hint = "Use a kernel with Landlock (5.13 or newer) and seccomp, and install libseccomp2."
        yield CheckResult(name="sandbox", state=Grade.BAD, text=f"Missing: {missing}.{refused}", hint=hint, facts=facts)


def state(directory: Path) -> Iterator[CheckResult]:
    """Check the state directory: usable, private, with free space."""
    if not directory.exists():
        text = f"{directory} does not exist yet; the daemon creates it."
        yield CheckResult(name="state", state=Grade.GOOD, text=text, facts={"path": str(directory)})
        return
    status = directory.stat()
    facts = {"path": str(directory), "owner": status.st_uid, "mode": f"{stat.S_IMODE(status.st_mode):04o}"}
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        text = f"{directory} can be written to by others, who could change verdicts."
        yield CheckResult(name="state", state=Grade.BAD, text=text, hint=f"chmod go-w {directory}", facts=facts)
    elif not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        text = f"{directory} belongs to user {status.st_uid} and can't be used by this user."
        hint = "Run `sudo picklewatch doctor` to check the system's daemon."
        yield CheckResult(name="state", state=Grade.REMARK, text=text, hint=hint, facts=facts)
    else:
        free = shutil.disk_usage(directory).free
        text = f"{directory} can be used; {human_size(free)} are free."
        low = free < MIN_FREE
        hint = "Free some space: on a full disk no verdict can be stored." if low else ""
        facts["free"] = free
        yield CheckResult(name="state", state=Grade.BAD if low else Grade.GOOD, text=text, hint=hint, facts=facts)


def quarantine(loaded: LoadedConfig, directory: Path) -> Iterator[CheckResult]:
    """Report from which level on files are moved, and check the directory that they are moved to."""
    from picklewatch.service import watch_plan

    level = loaded.config.quarantine.level
    vault = watch_plan.vault_directory(loaded.config, directory)
    facts = {"level": level, "store": str(vault)}
    if level == "off":
        yield CheckResult(name="quarantine", state=Grade.GOOD, text="Report only: no file is moved.", facts=facts)
        return
    private = not vault.exists() or stat.S_IMODE(vault.stat().st_mode) & 0o077 == 0
    text = f"Files judged {level} or worse are moved to {vault}."
    if private:
        yield CheckResult(name="quarantine", state=Grade.GOOD, text=text, facts=facts)
    else:
        hint = f"chmod 700 {vault}"
        yield CheckResult(
            name="quarantine", state=Grade.BAD, text=f"{text} Others can look into it.", hint=hint, facts=facts
        )


def daemon(directory: Path, *, is_needed: bool = True) -> Iterator[CheckResult]:
    """Report the status of this user's daemon, which is not needed where the system's watches."""
    from picklewatch.service import daemon_status
    from picklewatch.telemetry.daemon_report import DaemonStatus

    try:
        status = daemon_status.read(directory)
    except FileNotFoundError:
        status = DaemonStatus()
    except (OSError, sqlite3.Error) as error:
        text = f"The daemon's status can't be read: {error}."
        yield CheckResult(name="daemon", state=Grade.REMARK, text=text, hint="Try again with sudo.")
        return
    if not status.running and not is_needed:
        text = f"You run no daemon of your own, and need none.{_left_over(status, directory)}"
        yield CheckResult(name="daemon", state=Grade.GOOD, text=text)
        return
    if not status.running:
        hint = "Start it: `picklewatch run`, or as a service (docs/install.md)."
        yield CheckResult(
            name="daemon", state=Grade.REMARK, text="No daemon runs with this state directory.", hint=hint
        )
        return
    for problem in status.problems:
        text = (
            f"{problem.what}: {problem.subject} {problem.reason}"
            if problem.subject
            else f"{problem.what}: {problem.reason}"
        )
        yield CheckResult(name="daemon", state=Grade.BAD, text=text, hint=problem.hint, facts=asdict(problem))
    if not status.problems:
        text = f"The daemon (process {status.pid}) is {'healthy' if status.healthy else 'starting'}."
        yield CheckResult(name="daemon", state=Grade.GOOD, text=text, facts={"pid": status.pid})


def _left_over(status: DaemonStatus, directory: Path) -> str:
    if status.store is None:
        return ""
    return f" One ran once, with its state in {directory}; the system's follows nothing in there."


def self_test(directory: Path) -> Iterator[CheckResult]:
    """Have a harmless file judged by the running daemon if there is one, else by a temporary one."""
    from picklewatch.doctor import self_test
    from picklewatch.store.lock import holder

    try:
        running = holder(directory) is not None
        proof = self_test.through_running(directory) if running else self_test.through_temporary()
    except PermissionError:
        text = "This user can't test the running daemon, whose state directory is another user's."
        yield CheckResult(name="self-test", state=Grade.REMARK, text=text, hint="Try again with sudo.")
    except (Error, OSError, sqlite3.Error) as error:
        hint = error.hint if isinstance(error, Error) else ""
        yield CheckResult(name="self-test", state=Grade.BAD, text=f"The self-test failed: {error}.", hint=hint)
    else:
        moved = ", and moved it to quarantine (it was deleted there)" if proof.quarantined else ""
        text = (
            f"The {proof.daemon} daemon judged the harmless self-test file malicious, as it must, in "
            f"{proof.seconds * 1000:.0f} ms{moved}."
        )
        yield CheckResult(
            name="self-test", state=Grade.GOOD, text=text, facts={"daemon": proof.daemon, "seconds": proof.seconds}
        )
