"""Many at once, files that change while somebody waits, contents without end, another listener beside the guard."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.guarding import BENIGN, HOSTILE, READ, REFUSED, Guard, Opener, disk, opened
from support.watching import PATIENCE

from picklewatch.guard import fanotify
from picklewatch.guard.held_questions import MOST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOR_EVER = 'stall = "1h"\nmax_wait = "1h"\n'
_CROWD = """
import sys, threading
number, *paths = sys.argv[1:]
threading.stack_size(1 << 16)
counts = {"read": 0, "refused": 0}
lock = threading.Lock()
def work(path):
    try:
        with open(path, "rb", 0) as file:
            file.read()
        result = "read"
    except PermissionError:
        result = "refused"
    with lock:
        counts[result] += 1
        if result == "refused":
            print(result, flush=True)
threads = [threading.Thread(target=work, args=(paths[each % len(paths)],)) for each in range(int(number))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(counts["read"], counts["refused"])
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A directory to guard, with a hostile and a benign file."""
    with disk(tmp_path) as mounted:
        folder = mounted / "models"
        folder.mkdir()
        (folder / "hostile.pt").write_bytes(HOSTILE)
        (folder / "benign.pt").write_bytes(BENIGN)
        yield folder


@contextlib.contextmanager
def crowd(number: int, *paths: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a process in which *number* threads open and read *paths*."""
    command = [sys.executable, "-IS", "-c", _CROWD, str(number), *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def results(process: subprocess.Popen[str]) -> tuple[int, int]:
    """Return how many threads read, and how many were refused."""
    read, refused = process.communicate(timeout=PATIENCE)[0].splitlines()[-1].split()
    return int(read), int(refused)


def test_a_crowd_at_one_file_shares_one_scan(tmp_path: Path, tree: Path) -> None:
    """Hundreds of openers of a hostile file are all refused, by one verdict."""
    with Guard(tmp_path, tree) as guard:
        with crowd(500, tree / "hostile.pt") as process:
            assert results(process) == (0, 500)
        guard.end()
    (numbers,) = guard.events("guard.stopped")
    assert (numbers["judged"], numbers["denied"], numbers["late"]) == (1, 500, 0)


def test_a_crowd_at_many_files_gets_its_verdicts(tmp_path: Path, tree: Path) -> None:
    """More contents than the judge has at a time."""
    hostile, benign = [], []
    for number in range(150):
        hostile.append(tree / f"hostile-{number}.pt")
        hostile[-1].write_bytes(HOSTILE + b"%d" % number)
        benign.append(tree / f"benign-{number}.pt")
        benign[-1].write_bytes(BENIGN + b"%d" % number)
    with Guard(tmp_path, tree, config='max_wait = "1h"'), crowd(300, *hostile, *benign) as process:
        assert results(process) == (150, 150)


def test_no_more_are_held_than_there_are_descriptors_for(tmp_path: Path, tree: Path) -> None:
    """Beyond a thousand the answer is `late`'s at once; descriptors are left, so that other files are opened as ever.

    Without any, the kernel would refuse everybody's opens, of whatever file.
    """
    outside = tree.parent / "outside.txt"
    outside.write_text("x")
    more = 20
    with Guard(tmp_path, tree, config=FOR_EVER + 'late = "deny"') as guard:
        scanners = guard.scanners()
        for scanner in scanners:
            os.kill(scanner, signal.SIGSTOP)
        with crowd(MOST + more, tree / "benign.pt") as process:
            assert process.stdout is not None
            for _ in range(more):
                assert process.stdout.readline() == "refused\n"
            assert opened(outside) == READ
            for scanner in scanners:
                os.kill(scanner, signal.SIGCONT)
            assert results(process) == (MOST, more)
        guard.end()
    (numbers,) = guard.events("guard.stopped")
    assert (numbers["full"], numbers["unreadable"]) == (more, 0)


@pytest.mark.parametrize("change", ["rewritten", "renamed", "removed", "truncated"])
def test_a_file_that_changes_while_somebody_waits(tmp_path: Path, tree: Path, change: str) -> None:
    """The opener gets the verdict on what the file holds by then, whatever its name."""
    path = tree / "model.pt"
    path.write_bytes(BENIGN if change == "rewritten" else HOSTILE)
    with Guard(tmp_path, tree, config=FOR_EVER) as guard:
        scanners = guard.scanners()
        for scanner in scanners:
            os.kill(scanner, signal.SIGSTOP)
        with Opener(path) as opener:
            opener.wait_until_held()
            if change == "rewritten":
                path.write_bytes(HOSTILE)
            elif change == "renamed":
                path.rename(tree.parent / "elsewhere.pt")
            elif change == "removed":
                path.unlink()
            else:
                os.truncate(path, 0)
            for scanner in scanners:
                os.kill(scanner, signal.SIGCONT)
            assert opener.result() == (READ if change == "truncated" else REFUSED)


def test_a_content_without_end_is_judged(tmp_path: Path, tree: Path) -> None:
    """Holes of 20 GB behind a hostile pickle, and before nothing: neither costs memory, nor a wait for ever."""
    for name, data in (("hostile.bin", b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R."), ("empty.bin", b"")):
        with (tree / name).open("wb") as file:
            file.write(data)
            file.truncate(20 << 30)
    code = "import sys; open(sys.argv[1], 'rb', 0).read(10)"
    with Guard(tmp_path, tree, config='max_wait = "1h"'):
        for name, status in (("hostile.bin", 1), ("empty.bin", 0)):
            command = [sys.executable, "-IS", "-c", code, str(tree / name)]
            assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == status


def test_another_listener_does_not_matter(tmp_path: Path, tree: Path) -> None:
    """A virus scanner that allows everything beside us changes no answer of ours."""
    group = fanotify.group(fanotify.CLASS_CONTENT)
    directory = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    pid = os.fork()
    if pid == 0:
        fanotify.mark(group, fanotify.MARK_ADD | fanotify.MARK_FILESYSTEM, fanotify.OPEN_PERM, directory)
        while True:
            for _, file, _ in fanotify.questions(group):
                fanotify.answer(group, file, fanotify.ALLOW)
    os.close(group)
    os.close(directory)
    try:
        with Guard(tmp_path, tree):
            assert opened(tree / "hostile.pt") == REFUSED
            assert opened(tree / "benign.pt") == READ
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_what_is_mounted_in_a_tree_is_part_of_it(tmp_path: Path, tree: Path) -> None:
    """A cache may have a disk of its own for its largest models."""
    with disk(tree) as inner:
        (inner / "hostile.pt").write_bytes(HOSTILE)
        with Guard(tmp_path, tree):
            assert opened(inner / "hostile.pt") == REFUSED


def test_two_file_systems_are_guarded_by_one(tmp_path: Path, tree: Path) -> None:
    """Each is marked; a tree on one says nothing about a place of the same name on the other."""
    with disk(tmp_path, "second") as second:
        for name in ("models", "elsewhere"):
            (second / name).mkdir()
            (second / name / "hostile.pt").write_bytes(HOSTILE)
        with Guard(tmp_path, tree, second / "models"):
            assert opened(tree / "hostile.pt") == REFUSED
            assert opened(second / "models" / "hostile.pt") == REFUSED
            assert opened(second / "elsewhere" / "hostile.pt") == READ
