"""The memory of the daemon with its processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from picklewatch.telemetry import process_memory
from picklewatch.telemetry.process_memory import MemoryUse

if TYPE_CHECKING:
    from pathlib import Path


def process(proc: Path, pid: int, children: str = "", pss: int | None = None, rss: int = 0) -> None:
    """Make a process in *proc*; without *pss* the user may not see its share."""
    directory = proc / str(pid)
    (directory / "task/1").mkdir(parents=True)
    (directory / "comm").write_text("picklewatch\n")
    (directory / "task/1/children").write_text(children)
    (directory / "status").write_text(f"Name:\tpicklewatch\nVmHWM:\t9999 kB\nVmRSS:\t{rss} kB\n")
    if pss is not None:
        (directory / "smaps_rollup").write_text(f"00400000-7fff r--p [rollup]\nRss: {rss} kB\nPss: {pss} kB\n")


def test_what_processes_share_is_counted_once(tmp_path: Path) -> None:
    """All below the daemon belong to it; one that has just ended counts no more."""
    process(tmp_path, 10, "11 12 ", pss=100, rss=150)
    process(tmp_path, 11, "13 ", pss=20, rss=90)
    process(tmp_path, 13, pss=7, rss=80)
    assert process_memory.of_daemon(10, tmp_path) == MemoryUse(kib=127, processes=3, exact=True)


def test_a_sum_that_is_too_large_says_so(tmp_path: Path) -> None:
    """The sandbox's processes show nobody but root how much they share."""
    process(tmp_path, 10, "11 ", pss=100, rss=150)
    process(tmp_path, 11, rss=90)
    assert process_memory.of_daemon(10, tmp_path) == MemoryUse(kib=190, processes=2, exact=False)


def test_another_process_of_that_number_is_not_measured(tmp_path: Path) -> None:
    """Such as where the daemon runs in a container."""
    process(tmp_path, 10, pss=100)
    (tmp_path / "10/comm").write_text("bash\n")
    assert process_memory.of_daemon(10, tmp_path) is None
    assert process_memory.of_daemon(99, tmp_path) is None
    assert process_memory.of_daemon(os.getpid()) is None
