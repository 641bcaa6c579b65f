"""What the oracle's long run keeps: the next run with its file goes on, whatever ended the one before."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from oracle.installed import Vouched
from oracle.ledger import Ledger, OtherEngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Opener = Callable[..., Ledger]


@pytest.fixture(name="opened")
def _opened(tmp_path: Path) -> Iterator[Opener]:
    """Open the test's one file once more, as the next run does."""
    with ExitStack() as files:
        yield lambda engine="e": Ledger(files.enter_context((tmp_path / "out").open("a+", encoding="utf-8")), engine)


def test_the_counts_of_several_runs_add_up(opened: Opener) -> None:
    """Each step counts once, with what was noted of it last; the names are not asked for again."""
    first = opened()
    assert (first.total, first.fresh_seed, first.vouched) == (0, 1, None)
    first.keep(Vouched(["a.B"], ["a.c"], []))
    first.done("class a.B", 20)
    first.done("chain 1", 300)
    first.done("chain 1", 600)
    second = opened()
    assert (second.total, second.fresh_seed) == (620, 2)
    assert second.vouched == Vouched(["a.B"], ["a.c"], [])
    second.done("chain 2", 5)
    assert opened().total == 625


def test_a_run_that_ended_while_it_wrote_costs_one_line(tmp_path: Path, opened: Opener) -> None:
    """Half a line is passed over, and what is written after it is read."""
    path = tmp_path / "out"
    opened().done("class a.B", 20)
    with path.open("a", encoding="utf-8") as out:
        out.write('{"step": "class a.C", "cle')
    opened().done("class a.D", 7)
    assert opened().clean == {"class a.B": 20, "class a.D": 7}


def test_what_an_earlier_run_found_is_not_forgotten(tmp_path: Path, opened: Opener) -> None:
    """A finding in the file counts for each later run."""
    path = tmp_path / "out"
    opened()
    with path.open("a", encoding="utf-8") as out:
        out.write('{"label": "Adam", "events": [["open", "read /etc/hostname", ""]]}\n')
    assert opened().findings == 1


def test_loads_under_another_rule_do_not_count(tmp_path: Path, opened: Opener) -> None:
    """A file of another engine is refused, and stays as it is."""
    path = tmp_path / "out"
    opened("old").done("class a.B", 20)
    before = path.read_bytes()
    with pytest.raises(OtherEngineError):
        opened("new")
    assert path.read_bytes() == before
