"""What waits, however much of it there is; and what is judged again."""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from fault.faults.watching import judged_within
from fault.lab import CONFIG, HARMFUL, PATIENCE
from support.daemon_process import BENIGN, HOSTILE

from picklewatch.core.candidate import Candidate, Source
from picklewatch.core.model import FileId
from picklewatch.core.state_layout import DATABASE
from picklewatch.store import Store

if TYPE_CHECKING:
    from fault.faults.kinds import Fault
    from fault.lab import Lab

_GREEDY = 4001
"""A user: a number without a name."""


def hundred_thousand_queued(lab: Lab) -> None:
    """100,000 files wait that are gone; a new one goes before them, and none costs more than another."""
    lab.state.mkdir(mode=0o700)
    gone = [
        Candidate(f"{lab.root}/{n % 500}/{n}", FileId(1, n + 1, 1, n, n), Source.WALK, owner=_GREEDY)
        for n in range(100_000)
    ]
    with contextlib.closing(Store(lab.state)) as store:
        for start in range(0, len(gone), 1_000):
            store.jobs.offer(gone[start : start + 1_000], "none")
    lab.injected += len(gone)
    lab.start()
    latencies = [judged_within(lab, lab.put(f"new/{number}.bin")) for number in range(20)]
    assert lab.waiting(), "nothing waited any more"
    rates = []
    for _ in range(3):
        before = lab.waiting() or 0
        time.sleep(3)
        rates.append((before - (lab.waiting() or 0)) / 3)
    lab.measured.append(f"new ones judged within {max(latencies):.2f} s; {rates[0]:.0f} a second, then {rates[-1]:.0f}")
    lab.process.stop()
    with contextlib.closing(sqlite3.connect(lab.state / DATABASE)) as connection:  # the rest would take minutes
        connection.execute("DELETE FROM jobs")
        connection.commit()
    lab.start()


def blobs_without_links(lab: Lab) -> None:
    """60 blobs come to which no link leads: nothing waits for one but the lines."""
    lab.start()
    blobs = lab.root / "models--org--model" / "blobs"
    began = time.monotonic()
    for number in range(60):
        lab.put(f"{blobs.relative_to(lab.root)}/{number:064x}", hostile=number % 10 == 9)
        lab.injected += 1
    lab.seconds_until(lab.settled)
    lab.measured.append(f"all after {time.monotonic() - began:.1f} s")


def rewrites_that_buy_time(lab: Lab) -> None:
    """Harmless versions for ten seconds, then the hostile one: it has its verdict within two seconds."""
    lab.start()
    path = lab.root / "often.bin"
    end = time.monotonic() + 10
    while time.monotonic() < end:
        lab.injected += 1
        path.write_bytes(BENIGN + b"%d" % lab.injected)
        time.sleep(0.02)
    path.write_bytes(HOSTILE)
    lab.expect(path, HOSTILE, HARMFUL)
    seconds = lab.seconds_until(lab.settled)
    lab.measured.append(f"the hostile version judged and moved within {seconds:.1f} s")


def written_after_it_got_a_name(lab: Lab) -> None:
    """A file without a name (O_TMPFILE) gets one, is judged, and is made hostile by its writer."""
    lab.start()
    for number in range(5):
        fd = os.open(lab.root, os.O_TMPFILE | os.O_RDWR)
        path = lab.root / f"late-{number}.bin"
        os.write(fd, BENIGN + bytes(100))
        os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)
        assert lab.seconds_until(functools.partial(lab.was_judged, path)) < PATIENCE
        os.pwrite(fd, HOSTILE, 0)
        os.ftruncate(fd, len(HOSTILE))
        os.close(fd)
        lab.expect(path, HOSTILE, HARMFUL)
        lab.injected += 1


def rights_changed_everywhere(lab: Lab) -> None:
    """`chmod -R` over 500 judged files, one of which was rewritten with its size and time kept."""
    lab.start()
    paths = [lab.put(f"{number % 10}/{number}.bin") for number in range(500)]
    (lab.root / "forged.bin").write_bytes(BENIGN.ljust(len(HOSTILE)))
    assert lab.seconds_until(lab.settled) < PATIENCE
    lab.process.stop()
    forged = lab.root / "forged.bin"
    before = forged.stat()
    forged.write_bytes(HOSTILE)
    os.utime(forged, ns=(before.st_atime_ns, before.st_mtime_ns))
    lab.expect(forged, HOSTILE, HARMFUL)
    for path in paths:
        path.chmod(0o600)
        lab.injected += 1
    time.sleep(2.5)
    began = time.monotonic()
    lab.start()
    lab.seconds_until(lab.settled)
    lab.measured.append(f"all after {time.monotonic() - began:.1f} s")


def lists_that_condemn_everything(lab: Lab) -> None:
    """A new version finds 40 files hostile that the old one let stay: ten are moved, the rest at a person's word."""
    config = lab.process.home / "config.toml"
    config.write_text(CONFIG.replace('"unsafe"', '"off"'))
    paths = [lab.put(f"cache/{number}.bin", hostile=True) for number in range(40)]
    lab.start()
    assert lab.seconds_until(lambda: all(map(lab.was_judged, paths))) < PATIENCE
    lab.process.stop()
    with contextlib.closing(sqlite3.connect(lab.state / DATABASE)) as connection:
        for table in ("files", "records"):
            connection.execute(f"UPDATE {table} SET engine = 'older/0/0', verdict = 'clean'")
        connection.execute("UPDATE records SET body = json_set(body, '$.verdict', 'clean', '$.findings', json('[]'))")
        connection.commit()
    config.write_text(CONFIG)
    lab.injected += len(paths)
    lab.start()
    assert lab.seconds_until(lambda: lab.problems() == {"quarantine-held"} and lab.waiting() == 0) < PATIENCE
    stayed = sum(path.read_bytes().startswith(HOSTILE) for path in paths)
    lab.measured.append(f"{len(paths) - stayed} of {len(paths)} moved unasked")
    assert stayed == len(paths) - 10
    command = [sys.executable, "-m", "picklewatch", "quarantine", "apply", "--yes", "--state-dir", str(lab.state)]
    subprocess.run(command, check=True, capture_output=True)


FAULTS: tuple[Fault, ...] = (
    hundred_thousand_queued,
    blobs_without_links,
    rewrites_that_buy_time,
    written_after_it_got_a_name,
    rights_changed_everywhere,
    lists_that_condemn_everything,
)
