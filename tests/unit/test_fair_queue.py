"""Whose turn it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from picklewatch.queue.fair_queue import FairQueue


def taken(turns: FairQueue) -> list[int]:
    """The numbers of all files, in their order."""
    return [found[0][1] for found in iter(turns.pop, None)]


def filled(*paths: str, capacity: int = 1000) -> FairQueue:
    """Files numbered in the order of *paths*."""
    turns = FairQueue(capacity)
    for number, path in enumerate(paths):
        turns.put(path, (1, number))
    return turns


def test_the_newest_of_a_directory_goes_first() -> None:
    """It is what a user just downloaded; announcing it again makes it the newest."""
    turns = filled("/r/a", "/r/b", "/r/c")
    turns.put("/r/a", (1, 0))
    assert taken(turns) == [0, 2, 1]
    assert len(turns) == 0


def test_a_full_directory_does_not_keep_another_waiting() -> None:
    """Wherever it lies: beside, above or below."""
    paths = [*[f"/r/full/{n}/{m}" for n in range(10) for m in range(10)], "/r/other/x", "/r/y", "/s/deep/er/z"]
    order = taken(filled(*paths))
    assert sorted(order) == list(range(len(paths)))
    assert max(order.index(number) for number in (100, 101, 102)) < 6


def test_users_take_turns_whatever_directories_they_have() -> None:
    """One who spreads a flood over many directories has one turn of two."""
    turns = FairQueue()
    for number in range(100):
        turns.put(f"/r/{number}/x", (1, number), 1000)
    turns.put("/r/quiet/a", (1, 100), 1001)
    turns.put("/r/quiet/b", (1, 101), 1001)
    order = list(iter(turns.pop, None))
    assert {key[1] for key, owner in order[:4] if owner == 1001} == {100, 101}


def test_users_may_be_left_out() -> None:
    """They keep their files, and their turn among the others."""
    turns = FairQueue()
    turns.put("/r/a", (1, 0), 1000)
    assert not turns.has_other({1000})
    turns.put("/r/b", (1, 1), 1001)
    assert turns.has_other({1000})
    assert turns.pop(but={1000}) == ((1, 1), 1001)
    assert turns.pop(but={1000}) is None
    assert turns.pop() == ((1, 0), 1000)


def test_a_flood_delays_the_user_who_makes_it() -> None:
    """Of more than can be held, old files of the flooded directory are left out, not those elsewhere."""
    turns = FairQueue(50)
    turns.put("/r/quiet/x", (1, 0))
    for number in range(1, 1000):
        turns.put(f"/r/flood/{number % 3}/f", (1, number))
    assert len(turns) == 50
    order = taken(turns)
    assert set(order[:4]) == {0, 997, 998, 999}


def test_a_flood_of_directories_is_cut_off_as_well() -> None:
    """Each new directory holds one file."""
    turns = FairQueue(50)
    turns.put("/r/quiet/x", (1, 0))
    for number in range(1, 1000):
        turns.put(f"/r/flood/{number}/f", (1, number))
    assert len(turns) == 50
    assert 0 in taken(turns)[:3]


@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=40), st.integers(0, 9)), max_size=60))
def test_every_file_is_taken_once(puts: list[tuple[list[str], int]]) -> None:
    """Under the last path that was given for it; nothing is left behind."""
    turns = FairQueue()
    for names, number in puts:
        turns.put("/" + "/".join(names), (1, number))
    assert sorted(taken(turns)) == sorted({number for _, number in puts})
    assert not turns._top.children
    assert turns._top.count == 0
