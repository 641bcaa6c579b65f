"""Durations and sizes as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picklewatch.core.units import human_size, parse_duration, parse_size, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("1h 30m", 5400), ("500ms", 0.5), ("1d", 86400), ("0", 0), (2.5, 2.5), (7, 7), ("10min", 600)],
)
def test_durations_are_read_with_their_unit(text: object, seconds: float) -> None:
    """A number is seconds; text may join units."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "5 fortnights", "-5s", "5", True, None, [], "nan", float("nan"), -1, "1h x"])
def test_what_is_no_duration_is_refused_with_a_sentence(text: object) -> None:
    """The message shows the value."""
    with pytest.raises(ValueError, match=r"duration|negative"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512MiB", 512 << 20), ("8GiB", 8 << 30), ("10MB", 10_000_000), (5, 5), ("1.5KiB", 1536), ("3 kB", 3000)],
)
def test_sizes_are_read_with_their_unit(text: object, size: int) -> None:
    """Binary and decimal units differ."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "12", "12 potatoes", "-1MiB", True, 1.5, None, -3, "kiB"])
def test_what_is_no_size_is_refused_with_a_sentence(text: object) -> None:
    """The message shows the value."""
    with pytest.raises(ValueError, match=r"size|negative"):
        parse_size(text)


@given(st.integers(0, 10**9))
def test_a_shown_duration_reads_as_itself(seconds: int) -> None:
    """What `config show` writes can be pasted into the file."""
    assert parse_duration(show_duration(seconds)) == pytest.approx(seconds)


@given(st.integers(0, 1 << 50))
def test_a_shown_size_reads_as_itself(size: int) -> None:
    """What `config show` writes can be pasted into the file."""
    assert parse_size(show_size(size)) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1_234_567, "1.2 MB"), (456_000_000, "456 MB"), (5e12, "5.0 TB")],
)
def test_sizes_for_people_are_rough(size: float, text: str) -> None:
    """Three digits are enough."""
    assert human_size(size) == text
