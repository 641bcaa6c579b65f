"""Checks of the machine: versions, systemd, the caches, inotify."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from picklewatch import __version__
from picklewatch.core.model import printable
from picklewatch.doctor.checkup import CheckResult, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from picklewatch.config.schema import LoadedConfig
    from picklewatch.service.watch_plan import FoundRoots
    from picklewatch.watch.roots import Root

INOTIFY = Path("/proc/sys/fs/inotify")
"""The directory of inotify's limits."""
COUNT_SECONDS = 5.0
"""Seconds that directories are counted, at most."""
NARROW = 0.8
"""The share of a limit from which it is called narrow."""
MIN_QUEUED = 16_384
"""The kernel's default for events that wait; less overflows when a tree is copied in."""
SYSTEMD = Path("/run/systemd/system")
"""The directory that exists where systemd runs."""
_UNIT = "picklewatch.service"


def versions() -> Iterator[CheckResult]:
    """Check that the libraries are installed, and show their versions."""
    facts = {"picklewatch": __version__, "python": platform.python_version(), "kernel": platform.release()}
    for package in ("fickling", "watchdog", "structlog", "pyseccomp"):
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            hint = "Install picklewatch again, with its dependencies."
            yield CheckResult(name="versions", state=Grade.BAD, text=f"{package} is not installed.", hint=hint)
    shown = ", ".join(f"{name} {version}" for name, version in facts.items())
    yield CheckResult(name="versions", state=Grade.GOOD, text=f"{shown}.", facts=facts)


def places(loaded: LoadedConfig, state: Path) -> FoundRoots:
    """Find the directories that a daemon would watch."""
    from picklewatch.access.people import note_found
    from picklewatch.service import people_finder, watch_plan

    note_found(people_finder.find(loaded.config.watch))
    return watch_plan.find_all(loaded.config, state, COUNT_SECONDS)


def caches(places: FoundRoots) -> Iterator[CheckResult]:
    """Check that the watched directories exist, are readable and are local."""
    from picklewatch.watch.mounts import mount_of, read_mounts

    roots = places.roots
    there = [root for root in roots if root.path is not None]
    facts = {"found": [root.wanted for root in there], "awaited": [root.wanted for root in roots if root.path is None]}
    found = "".join(f"\n  {printable(_shown(root))}  ({root.label})" for root in there)
    text = f"{len(there)} of {len(roots)} directories exist; the others are watched once they do.{found}"
    yield CheckResult(name="caches", state=Grade.GOOD if roots else Grade.BAD, text=text, facts=facts)
    yield from _not_watched(places)
    mounts = read_mounts()
    for root in there:
        mount = mount_of(root.path or root.wanted, mounts)
        if mount is not None and mount.is_network:
            text = f"{root.wanted} is on {mount.kind}: changes by other machines cause no events."
            hint = "The daemon walks it every few seconds, less often if that takes long."
            yield CheckResult(name="caches-network", state=Grade.REMARK, text=text, hint=hint)
        if not os.access(root.wanted, os.R_OK | os.X_OK):
            text = f"{root.wanted} may not be read by this user, so nothing in it is scanned."
            hint = "Run the system service, which has CAP_DAC_READ_SEARCH, or change the permissions."
            yield CheckResult(name="caches-permission", state=Grade.BAD, text=text, hint=hint)


def _shown(root: Root) -> str:
    return root.wanted if root.path in (None, root.wanted) else f"{root.wanted} -> {root.path}"


def _not_watched(places: FoundRoots) -> Iterator[CheckResult]:
    """Name every place that the daemon knows and does not watch, with the reason."""
    from picklewatch.watch.linked_directories import MOST_FOLLOWED
    from picklewatch.watch.roots import LEADS_NOWHERE

    for root in places.roots:
        if root.path is None and root.reason:
            is_broken = root.reason.endswith(LEADS_NOWHERE)
            about = "" if root.wanted in root.reason else f"{root.wanted}: "
            text = f"Not watched ({root.label}): {printable(about + root.reason)}."
            hint = root.hint or "Name what it leads to in watch.roots, or the link itself in watch.exclude."
            hint = "It is watched as soon as that is there." if is_broken else hint
            yield CheckResult(name="caches-link", state=Grade.REMARK if is_broken else Grade.BAD, text=text, hint=hint)
    for root in places.not_watched:
        text = f"Not watched: {printable(root.wanted)} ({root.label})."
        yield CheckResult(name="caches-not-watched", state=Grade.REMARK, text=text, hint=f"{root.reason.capitalize()}.")
    for user in sorted(places.left_out):
        text = f"More than {MOST_FOLLOWED} links of {user} lead to other directories; the others are not followed."
        hint = "Name the directories that they lead to, or one above them, in watch.roots."
        yield CheckResult(name="caches-links", state=Grade.BAD, text=text, hint=hint)
    if not places.is_complete:
        text = f"Not everything could be looked through for links in {COUNT_SECONDS:.0f} s."
        hint = "A running daemon does: `picklewatch status` names what it does not watch."
        yield CheckResult(name="caches-links", state=Grade.REMARK, text=text, hint=hint)


def inotify(places: FoundRoots) -> Iterator[CheckResult]:
    """Compare the kernel's limits with the number of directories that are watched."""
    limits = {name: _number(INOTIFY / name) for name in ("max_user_watches", "max_user_instances", "max_queued_events")}
    if None in limits.values():
        hint = "picklewatch needs Linux with inotify, and /proc."
        yield CheckResult(name="inotify", state=Grade.BAD, text="The kernel's limits can't be read.", hint=hint)
        return
    watches, _, queued = (int(value or 0) for value in limits.values())
    used = watches_in_use()
    wanted, complete = count_directories([root.path for root in places.roots if root.path is not None])
    facts = {**limits, "directories": wanted, "counted_all": complete, "in_use_by_this_user": used}
    total = max(wanted, used)
    needed = f"{wanted:,}{'' if complete else ' or more'} directories to watch, {used:,} watches in use by this user"
    text = f"{needed}; the kernel allows {watches:,}."
    hint = f"echo fs.inotify.max_user_watches={_enough(total)} > /etc/sysctl.d/50-picklewatch.conf && sysctl --system"
    if total > watches:
        yield CheckResult(
            name="inotify-watches", state=Grade.BAD, text=f"{text} That is not enough.", hint=hint, facts=facts
        )
    elif total > NARROW * watches:
        yield CheckResult(
            name="inotify-watches", state=Grade.REMARK, text=f"{text} That leaves little room.", hint=hint, facts=facts
        )
    else:
        yield CheckResult(name="inotify-watches", state=Grade.GOOD, text=text, facts=facts)
    if queued < MIN_QUEUED:
        text = f"The kernel queues only {queued:,} events; if more arrive at once, everything must be walked again."
        hint = f"echo fs.inotify.max_queued_events={MIN_QUEUED} >> /etc/sysctl.d/50-picklewatch.conf && sysctl --system"
        yield CheckResult(name="inotify-queue", state=Grade.REMARK, text=text, hint=hint, facts=facts)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _enough(directories: int) -> int:
    return 1 << max(19, (directories * 2).bit_length())


def count_directories(roots: list[str], seconds: float = COUNT_SECONDS) -> tuple[int, bool]:
    """Count the directories at and below *roots*, for *seconds* at most.

    Return also True if that was enough.
    """
    end = time.monotonic() + seconds
    stack = [root for root in dict.fromkeys(map(os.path.realpath, roots)) if os.path.isdir(root)]  # noqa: PTH112
    seen: set[tuple[int, int]] = set()
    while stack:
        if time.monotonic() > end:
            return len(seen), False
        directory = stack.pop()
        with contextlib.suppress(OSError):
            status = os.lstat(directory)
            inode = (status.st_dev, status.st_ino)
            if inode in seen:
                continue
            seen.add(inode)
            with os.scandir(directory) as entries:
                stack += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return len(seen), True


def watches_in_use() -> int:
    """Count the inotify watches of this user's processes, as far as they can be read."""
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid != os.geteuid():
                continue
            for fd in (process / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if fd.readlink() == Path("anon_inode:inotify"):
                        count += (process / "fdinfo" / fd.name).read_text().count("inotify wd:")
    return count


def systemd() -> Iterator[CheckResult]:
    """Check the units, if systemd runs."""
    if not SYSTEMD.is_dir():
        yield CheckResult(name="systemd", state=Grade.GOOD, text="This machine was not booted with systemd.")
        return
    for manager in ("system", "user"):
        shown = _unit(manager)
        if shown.get("LoadState") == "loaded":
            active = shown.get("ActiveState", "unknown")
            text = f"The {manager} unit is {active} and {shown.get('UnitFileState', 'unknown')}."
            bad = active == "failed"
            hint = f"journalctl {'--user ' if manager == 'user' else ''}-u {_UNIT} says why." if bad else ""
            yield CheckResult(name="systemd", state=Grade.BAD if bad else Grade.GOOD, text=text, hint=hint, facts=shown)
        else:
            yield CheckResult(
                name="systemd", state=Grade.GOOD, text=f"The {manager} unit is not installed.", facts=shown
            )


def _unit(manager: str) -> dict[str, str]:
    program = shutil.which("systemctl")
    if program is None:
        return {}
    arguments = [program, f"--{manager}", "show", _UNIT, "--property=LoadState,ActiveState,UnitFileState"]
    try:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
