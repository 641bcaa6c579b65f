"""Laws of `Settle` over random histories of files and clocks."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from picklewatch.watch.caches import is_temporary
from picklewatch.watch.settle import Delays, Look, Settle, Sign

PATHS = ["/a", "/b.incomplete", "/c"]
DELAYS = Delays(ceiling=20.0)


@dataclass
class Disk:
    """A pretended directory: what a look at each path shows."""

    files: dict[str, Look] = field(default_factory=dict)

    def look(self, path: str) -> Look | None:
        """See a path as it is now."""
        return self.files.get(path)


Step = tuple[str, str, float]
steps = st.lists(
    st.tuples(
        st.sampled_from(["created", "closed", "moved", "write", "delete", "open", "release", "nothing"]),
        st.sampled_from(PATHS),
        st.floats(0, 3, allow_nan=False),
    ),
    max_size=40,
)


def play(settle: Settle, disk: Disk, history: list[Step]) -> tuple[float, list[tuple[float, str]], dict[str, int]]:
    """Play *history*; the time after it, what was due when, and how often each path was announced."""
    now = 0.0
    due: list[tuple[float, str]] = []
    announced: dict[str, int] = {}
    for kind, path, pause in history:
        look = disk.files.get(path, Look(0, 0))
        if kind in ("created", "closed", "moved"):
            disk.files[path] = look
            settle.notice(path, Sign(kind), now)
            announced[path] = announced.get(path, 0) + 1
        elif kind == "write" and path in disk.files:
            disk.files[path] = Look(look.size + 1, look.mtime_ns + 1, look.writer)
        elif kind == "delete":
            disk.files.pop(path, None)
        elif kind in ("open", "release") and path in disk.files:
            disk.files[path] = Look(look.size, look.mtime_ns, kind == "open")
        due += [(now, path) for path in settle.due(now, disk.look)]
        now += pause
    return now, due, announced


def drain(settle: Settle, disk: Disk, now: float) -> list[tuple[float, str]]:
    """Let time pass until nothing is pending; fails if that never happens."""
    due: list[tuple[float, str]] = []
    for _ in range(1000):
        wake = settle.wake_at()
        if wake is None:
            return due
        now = max(now, wake)
        due += [(now, path) for path in settle.due(now, disk.look)]
    raise AssertionError("Settle never came to rest")


@given(steps)
def test_what_is_announced_and_stays_is_judged_after_its_last_announcement(history: list[Step]) -> None:
    """No announced file that still exists is forgotten, whatever else happens around it."""
    settle, disk = Settle(DELAYS, is_temporary=is_temporary), Disk()
    last: dict[str, int] = {}
    for index, (kind, path, _) in enumerate(history):
        if kind in ("created", "closed", "moved"):
            last[path] = index
        if kind == "delete":
            last.pop(path, None)
    now, due, _ = play(settle, disk, history)
    due += drain(settle, disk, now)
    judged = {path for _, path in due}
    assert set(last) <= judged


@given(steps)
def test_nothing_is_due_more_often_than_it_was_announced(history: list[Step]) -> None:
    """One announcement leads to one judgement at most."""
    settle, disk = Settle(DELAYS, is_temporary=is_temporary), Disk()
    now, due, announced = play(settle, disk, history)
    due += drain(settle, disk, now)
    for path in PATHS:
        assert sum(1 for _, name in due if name == path) <= announced.get(path, 0)


@given(steps)
def test_a_file_is_judged_within_the_ceiling(history: list[Step]) -> None:
    """Nothing stays pending for ever: the ceiling plus one pause bounds every wait."""
    settle, disk = Settle(DELAYS, is_temporary=is_temporary), Disk()
    now, _, _ = play(settle, disk, history)
    late = drain(settle, disk, now)
    assert all(at <= now + DELAYS.ceiling + DELAYS.patience for at, _ in late)
    assert len(settle) == 0
