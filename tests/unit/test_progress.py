"""The line that says how far long work is."""

from __future__ import annotations

import io

from picklewatch.cli.progress import Progress


class Terminal(io.StringIO):
    """A stream that is a terminal, and breaks when it is told to."""

    broken = False

    def isatty(self) -> bool:
        """Say so."""
        return True

    def write(self, text: str) -> int:
        """Take *text*, or fail."""
        if self.broken:
            raise OSError(5, "Input/output error")
        return super().write(text)


class Clock:
    """A clock that a test turns."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def test_short_work_shows_nothing() -> None:
    """Nor does work that is not at a terminal."""
    clock, stream = Clock(), Terminal()
    progress = Progress(10, 1000, stream, clock)
    progress.update(1, 10)
    clock.now = 0.3
    progress.update(5, 500)
    assert stream.getvalue() == ""
    pipe = io.StringIO()
    silent = Progress(10, 1000, pipe, clock)
    clock.now = 100
    silent.update(5, 500)
    silent.clear()
    assert pipe.getvalue() == ""


def test_a_file_counts_for_itself_and_for_its_size() -> None:
    """Nine small files of ten are not nine tenths where the tenth is huge."""
    clock = Clock()
    progress = Progress(10, 1000, Terminal(), clock)
    assert "100%" in progress.text(10, 1000, 0)
    assert " 50%" in progress.text(9, 100, 0)
    assert "9 of 10 files, 100 B of 1.0 kB" in progress.text(9, 100, 0)
    assert "100%" in Progress(0, 0, Terminal(), clock).text(0, 0, 0)


def test_the_estimate_starts_with_the_first_file() -> None:
    """Starting the sandbox is no part of the speed; nothing is guessed before there is any."""
    clock, stream = Clock(), Terminal()
    progress = Progress(100, 10_000, stream, clock)
    clock.now = 10
    progress.update(0, 0)
    assert "left" not in stream.getvalue()
    clock.now = 11
    progress.update(1, 100)
    clock.now = 12
    progress.update(10, 1000)
    assert "left" not in stream.getvalue()
    clock.now = 21
    progress.update(51, 5100)
    assert stream.getvalue().endswith("0:10 left")


def test_the_line_is_taken_away_once() -> None:
    """Before something else is printed, and at the end."""
    clock, stream = Clock(), Terminal()
    progress = Progress(10, 1000, stream, clock)
    clock.now = 5
    progress.update(5, 500)
    progress.clear()
    progress.clear()
    assert stream.getvalue().count("\r\x1b[2K") == 2


def test_a_terminal_that_goes_away_does_not_end_the_work() -> None:
    """The results may go to a file."""
    clock, stream = Clock(), Terminal()
    progress = Progress(10, 1000, stream, clock)
    clock.now = 5
    stream.broken = True
    progress.update(5, 500)
    clock.now = 6
    progress.update(6, 600)
    progress.clear()
