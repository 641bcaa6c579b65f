"""The questions that wait in the guard: who shares a scan, who has waited long enough, what is asked again."""

from __future__ import annotations

from picklewatch.guard.held_questions import SENT, HeldQuestion, HeldQuestions

MAX_WAIT = 30.0


def held(fd: int, now: float = 0.0) -> HeldQuestion:
    """A question that came at the time *now*."""
    return HeldQuestion(fd, 1, now, now + MAX_WAIT, 0)


def send_all(waiting: HeldQuestions) -> list[bytes]:
    """Send whatever is to be sent; return the states."""
    sent = []
    while (question := waiting.next_to_send()) is not None:
        waiting.sent(question[0])
        sent.append(question[0])
    return sent


def test_openers_of_one_content_share_one_scan() -> None:
    """The judge is asked once, and all of them get its verdict."""
    waiting = HeldQuestions(MAX_WAIT)
    for fd in range(5):
        waiting.hold(b"a", b"/a", held(fd))
    assert send_all(waiting) == [b"a"]
    assert [each.fd for each in waiting.release(b"a")] == [0, 1, 2, 3, 4]
    assert len(waiting) == 0


def test_the_wait_counts_once_for_a_content() -> None:
    """Who comes later waits no longer than the first; who asks again after that does not wait."""
    waiting = HeldQuestions(MAX_WAIT)
    waiting.hold(b"a", b"/a", held(3, 0.0))
    waiting.hold(b"a", b"/a", held(4, 20.0))
    send_all(waiting)
    assert waiting.overdue(29.9) == []
    assert [each.fd for each in waiting.overdue(30.0)] == [3, 4]
    assert waiting.is_lapsed(b"a")
    assert not waiting.is_lapsed(b"b")


def test_a_verdict_that_comes_late_ends_the_lapse() -> None:
    """The next question about the content is answered by the verdict, not by the time."""
    waiting = HeldQuestions(MAX_WAIT)
    waiting.hold(b"a", b"/a", held(3))
    send_all(waiting)
    waiting.overdue(MAX_WAIT)
    assert waiting.release(b"a") == []
    assert not waiting.is_lapsed(b"a")


def test_no_more_than_so_many_are_held() -> None:
    """Beyond that the kernel would refuse opens of anything."""
    waiting = HeldQuestions(MAX_WAIT, most=2)
    waiting.hold(b"a", b"/a", held(3))
    full = [waiting.is_full]
    waiting.hold(b"b", b"/b", held(4))
    full.append(waiting.is_full)
    waiting.release(b"a")
    assert [*full, waiting.is_full] == [False, True, False]


def test_the_judge_has_no_more_than_fit_into_its_socket() -> None:
    """The others follow as verdicts come."""
    waiting = HeldQuestions(MAX_WAIT)
    for number in range(SENT + 1):
        waiting.hold(b"%d" % number, b"", held(number))
    assert len(send_all(waiting)) == SENT
    waiting.release(b"0")
    assert send_all(waiting) == [b"%d" % SENT]


def test_a_new_judge_is_asked_everything_again() -> None:
    """But not what nobody waits for any more."""
    waiting = HeldQuestions(MAX_WAIT)
    waiting.hold(b"a", b"/a", held(3, 0.0))
    waiting.hold(b"b", b"/b", held(4, 20.0))
    send_all(waiting)
    waiting.overdue(MAX_WAIT)
    waiting.ask_again()
    assert send_all(waiting) == [b"b"]


def test_a_descriptor_that_is_used_again_is_another_question() -> None:
    """The time of the former one does not end the wait of the next."""
    waiting = HeldQuestions(MAX_WAIT)
    waiting.hold(b"a", b"/a", held(3, 0.0))
    waiting.release(b"a")
    waiting.hold(b"a", b"/a", held(3, 20.0))
    assert waiting.overdue(MAX_WAIT) == []
    assert waiting.wake_at() == 50.0
