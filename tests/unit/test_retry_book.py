"""Actions to be tried again."""

from __future__ import annotations

from picklewatch.watch.retry_book import RetryBook


def test_everything_is_due_every_so_many_seconds() -> None:
    """Whoever hurries does not wait for it."""
    book = RetryBook[int](seconds=2.0)
    assert book.is_due(10.0)
    assert not book.is_due(11.9)
    assert book.is_due(12.0)
    book.hurry()
    assert book.is_due(12.1)


def test_a_full_book_takes_no_other_path_but_a_newer_state_of_one_that_it_has() -> None:
    """Its memory is bounded; the periodic walk finds the others."""
    book = RetryBook[int](seconds=2.0, most=2)
    assert [book.note(path, 1) for path in ("/a", "/b", "/c", "/a")] == [True, True, False, True]
    assert book.note("/a", 2)
    assert book.states() == {"/a": 2, "/b": 1}
    book.strike("/b")
    assert book.note("/c", 1)


def test_a_directory_is_struck_with_all_below_it() -> None:
    """And with nothing that is only named like it."""
    book = RetryBook[int](seconds=2.0)
    for path in ("/a", "/a/b", "/ab", "/c"):
        book.note(path, 1)
    book.strike_below("/a")
    assert set(book.states()) == {"/ab", "/c"}
    assert "/ab" in book
    book.strike_below("/")
    assert book.states() == {}
