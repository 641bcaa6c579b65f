"""The guard's smaller parts: its table, its messages, its lanes, the ticks of the clock, what the answerer imports."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import picklewatch
from picklewatch.core.model import FileId
from picklewatch.guard.board import Beat, Board, GuardCount
from picklewatch.guard.judging import wait_for_tick
from picklewatch.guard.lanes import SMALL, Lanes
from picklewatch.guard.states import (
    STATE,
    Answer,
    JudgedState,
    Question,
    QuestionKind,
    pack_judged,
    pack_question,
    state_of,
    unpack_from_judge,
    unpack_question,
)
from picklewatch.guard.verdict_table import VerdictTable

STATE_A, STATE_B = b"a" * STATE.size, b"b" * STATE.size


def test_a_state_is_a_files_identity(tmp_path: Path) -> None:
    """The fields of `FileId` in their order: the answerer can't import it, and the judge makes one of them."""
    path = tmp_path / "file"
    path.write_bytes(b"x")
    assert FileId(*STATE.unpack(state_of(path.stat()))) == FileId.of(path.stat())


def test_messages_come_back_as_they_were() -> None:
    """Both directions; what is too short or of another kind is refused."""
    question = Question(QuestionKind.ASK, 7, STATE_A, b"/models/a\n")
    judged = JudgedState(Answer.LATE, True, STATE_A, STATE_B)
    assert unpack_question(pack_question(question)) == question
    assert unpack_from_judge(pack_judged(judged)) == judged
    for broken in (b"", pack_judged(judged)[:-1], b"\x09" + pack_judged(judged)[1:]):
        with pytest.raises(ValueError, match=r"."):
            unpack_from_judge(broken)
    for broken in (b"", b"\x09" + pack_question(question)[1:]):
        with pytest.raises(ValueError, match=r"."):
            unpack_question(broken)


def test_the_table_forgets_the_oldest() -> None:
    """Its memory is bounded; what is forgotten is asked about again."""
    table = VerdictTable(most=10)
    for number in range(11):
        table.put(b"%d" % number, Answer.DENY)
    assert len(table) == 10
    assert table.answer(b"0") is None
    assert table.answer(b"10") is Answer.DENY


def test_a_small_content_does_not_wait_behind_large_ones() -> None:
    """One scanner takes no others; the rest take the large ones first."""
    lanes: Lanes[str] = Lanes()
    lanes.put("large", SMALL + 1)
    lanes.put("small", SMALL)
    lanes.put("smaller", 1)
    assert lanes.take(only_small=True) == "small"
    assert lanes.take(only_small=False) == "large"
    assert lanes.take(only_small=False) == "smaller"


def test_who_takes_from_an_empty_lane_waits() -> None:
    """Until something comes that it may take."""
    lanes: Lanes[str] = Lanes()
    taken: list[str] = []
    thread = threading.Thread(target=lambda: taken.append(lanes.take(only_small=True)))
    thread.start()
    lanes.put("large", SMALL + 1)
    lanes.put("small", 1)
    thread.join()
    assert taken == ["small"]


def test_a_verdict_waits_for_the_clocks_next_tick() -> None:
    """A content that was written within the present tick may be written again without another time."""
    assert wait_for_tick(0)
    assert wait_for_tick(time.clock_gettime_ns(time.CLOCK_REALTIME))
    assert not wait_for_tick(time.clock_gettime_ns(time.CLOCK_REALTIME) + 3600 * 10**9)


def test_the_board_is_shared() -> None:
    """What one process counts another sees."""
    board = Board.create()
    other = Board(board.fd)
    board.beat(Beat.JUDGE)
    board.write([3, *[0] * (len(GuardCount) - 1)])
    assert other.last_beat(Beat.JUDGE) > 0
    assert other.last_beat(Beat.ANSWERER) == 0
    assert other.get(GuardCount.ASKED) == other.numbers()["asked"] == 3
    os.close(board.fd)


def test_the_answerer_imports_the_standard_library_alone() -> None:
    """As it is started, without `site`: an import while it is asked would wait for itself."""
    code = (
        f"import sys; sys.path.append({str(Path(picklewatch.__file__).parent.parent)!r}); "
        "import picklewatch.guard.answerer_process; "
        "print(*(name for name in sys.modules if name.partition('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-IS", "-c", code], capture_output=True, text=True, check=True)
    foreign = {name for name in done.stdout.split() if not name.startswith("picklewatch.guard")}
    assert foreign == {"__main__", "picklewatch"}
