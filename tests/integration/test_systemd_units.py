"""The unit files agree with each other, the program and the documentation (booted: tests/e2e/test_systemd_boot.py)."""

from __future__ import annotations

import re
import shlex
from collections import defaultdict
from pathlib import Path

import pytest

from picklewatch.core.errors import ExitStatus
from picklewatch.core.model import DEFAULT_LIMITS
from picklewatch.guard.answerer_process import FILES
from picklewatch.ipc import places

TREE = Path(__file__).parents[2]
SYSTEM = TREE / "systemd" / "picklewatch.service"
TEMPLATE = TREE / "systemd" / "picklewatch@.service"
USER = TREE / "systemd" / "user" / "picklewatch.service"
QUARANTINE = TREE / "systemd" / "picklewatch-quarantine.conf"
GUARD = TREE / "systemd" / "picklewatch-guard.service"
UNITS = pytest.mark.parametrize("path", [SYSTEM, TEMPLATE, USER], ids=["system", "template", "user"])


def settings(path: Path) -> dict[str, list[str]]:
    """Every key of the unit at *path* with its values, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key].append(value)
    return found


@UNITS
def test_a_unit_waits_for_ready_and_watches_the_beat(path: Path) -> None:
    """``systemctl start`` returns when files are watched; only a bad configuration ends it, and for good."""
    unit = settings(path)
    assert unit["Type"] == ["notify"]
    assert unit["NotifyAccess"] == ["main"]
    assert unit["WatchdogSec"]
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["RestartPreventExitStatus"] == [str(int(ExitStatus.CONFIG))]
    assert unit["ExecStart"][0].endswith(" -m picklewatch run")
    check, tell = unit["ExecReload"]  # a mistake fails the reload, and changes nothing
    assert check.endswith(" -m picklewatch config check")
    assert "-HUP $MAINPID" in tell


@UNITS
def test_no_unit_imports_from_its_environment(path: Path) -> None:
    """Nor does Python before our first line: every command of ours is ``python -I``, of where it is installed.

    Their names in the journal, where Python's own messages land, are still ours.
    """
    unit = settings(path)
    ours = [line for line in unit["ExecStart"] + unit["ExecReload"] if "picklewatch" in line]
    assert len(ours) == 2
    text = (TREE / "docs" / "install.md").read_text()
    for line in ours:
        program, *options = line.split()
        assert options[:3] == ["-I", "-m", "picklewatch"]
        assert f"python3 -m venv {program.removesuffix('/bin/python').replace('%h', '~')}\n" in text
    assert unit["SyslogIdentifier"] == ["picklewatch"]


@UNITS
def test_a_stop_leaves_time_for_the_file_in_hand(path: Path) -> None:
    """SIGTERM reaches the daemon alone, and it has longer than one scan may take."""
    unit = settings(path)
    assert unit["KillMode"] == ["mixed"]
    assert int(unit["TimeoutStopSec"][0].removesuffix("s")) > DEFAULT_LIMITS.seconds


@UNITS
def test_the_scanning_child_may_lock_itself_down(path: Path) -> None:
    """The calls needed for that are allowed after, and in spite of, the groups that are denied."""
    filters = settings(path)["SystemCallFilter"]
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"} <= set(
        filters[0].split()
    )
    assert filters[-1].split() == ["setrlimit", "prlimit64", "capset"]
    assert settings(path)["SystemCallErrorNumber"] == ["EPERM"]


@UNITS
def test_memory_is_bounded_above_what_one_scan_may_take(path: Path) -> None:
    """A scan within its own limit does not reach the unit's."""
    unit = settings(path)
    assert unit["MemoryMax"] == ["2G"]
    assert DEFAULT_LIMITS.memory < 2 << 30
    assert unit["OOMPolicy"] == ["continue"]


def test_reading_takes_one_capability_and_moving_four_more() -> None:
    """The system unit reads; only the drop-in writes; the template has nothing."""
    assert settings(SYSTEM)["CapabilityBoundingSet"] == ["CAP_DAC_READ_SEARCH"]
    assert settings(SYSTEM)["ProtectHome"] == ["read-only"]
    added = {"CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_CHOWN", "CAP_LEASE"}
    for key in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert set(settings(QUARANTINE)[key][0].split()) == added
        assert settings(TEMPLATE)[key] == [""]


def test_the_guard_is_a_unit_of_its_own() -> None:
    """It has what fanotify takes, and the daemon's unit gains nothing; a guard that is off is not started for ever."""
    unit = settings(GUARD)
    rights = {"CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH", "CAP_LEASE", "CAP_IPC_LOCK"}
    for key in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert set(unit[key][0].split()) == rights
    assert unit["User"] == settings(SYSTEM)["User"]
    assert unit["Type"] == ["notify"]
    assert unit["Restart"] == ["always"]
    assert unit["RestartPreventExitStatus"] == [str(int(ExitStatus.CONFIG))]
    assert unit["RuntimeDirectory"] == [places.GUARD.name]
    assert int(unit["LimitNOFILE"][0]) >= FILES
    program, *options = unit["ExecStart"][0].split()
    assert (program, options) == ("/opt/picklewatch/bin/python", ["-I", "-m", "picklewatch", "guard", "run"])


def test_the_documentation_installs_files_that_exist() -> None:
    """Every file that a command of docs/install.md names is in the tree."""
    text = (TREE / "docs" / "install.md").read_text()
    named = set(re.findall(r"(?<!/)\bsystemd/\S+", "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))))
    assert named >= {str(path.relative_to(TREE)) for path in (SYSTEM, TEMPLATE, USER, QUARANTINE, GUARD)}
    assert [name for name in named if not (TREE / name).is_file()] == []


def test_the_readme_gives_the_test_command_once() -> None:
    """CI runs the very command of the README, which is one line of known words."""
    blocks = re.findall(
        r"<!-- tests:.*?-->\n```sh\n(.*?)```\n<!-- /tests -->", (TREE / "README.md").read_text(), re.DOTALL
    )
    assert len(blocks) == 1
    assert shlex.split(blocks[0])[:3] == ["python3", "-m", "venv"]
    assert blocks[0].rstrip().endswith("-m pytest -n 2")
