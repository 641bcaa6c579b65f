"""What is asked of the records: what is unsafe now, what has become of each file, and by which names it is found."""

from __future__ import annotations

import csv
import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from support.watching import make_record

from picklewatch.core.found_record import Fate, RecordFilter, record_id, record_number
from picklewatch.core.model import FileId, Verdict
from picklewatch.explain.found_text import COLUMNS, cells, found_lines
from picklewatch.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.core.found_record import FoundRecord

NOW = RecordFilter(verdicts=frozenset({Verdict.UNSAFE, Verdict.MALICIOUS}), unsafe_now=True)
SHA256 = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    yield store
    store.close()


def judged(store: Store, path: Path, verdict: Verdict = Verdict.MALICIOUS, *, move: bool = False) -> int:
    """Write a file and record a verdict on it; return the record's number."""
    if not path.exists():
        path.write_bytes(b"x")
    record = make_record(str(path), FileId.of(path.stat()), verdict, SHA256)
    return store.finish(None, record, quarantine=move).record


def unsafe_now(store: Store) -> list[str]:
    """Return the ids of what is unsafe now."""
    return [found.id for found in store.found.newest_first(NOW)]


def test_unsafe_now_is_what_lies_there(store: Store, tmp_path: Path) -> None:
    """Clean files, and unsafe ones that went, are no findings; a renamed or hidden one is."""
    numbers = [judged(store, tmp_path / name) for name in ("here", "gone", "renamed")]
    judged(store, tmp_path / "clean", Verdict.CLEAN)
    (tmp_path / "gone").unlink()
    store.records.add_name(FileId.of((tmp_path / "renamed").stat()), str(tmp_path / "renamed-2"))
    (tmp_path / "renamed").rename(tmp_path / "renamed-2")
    assert unsafe_now(store) == [record_id(numbers[2]), record_id(numbers[0])]
    gone = store.found.by_number(numbers[1])
    assert gone is not None
    assert (gone.where, gone.owner, gone.lies_at) == (Fate.GONE, None, None)


def test_a_file_that_changed_stays_a_finding_until_it_is_judged(store: Store, tmp_path: Path) -> None:
    """What was written over an unsafe file is not known yet; once it is, only its own verdict counts."""
    path = tmp_path / "model"
    number = judged(store, path)
    path.write_bytes(b"another")
    (found,) = store.found.newest_first(NOW)
    assert found.where is Fate.CHANGED
    judged(store, path, Verdict.CLEAN)
    assert unsafe_now(store) == []
    former = store.found.by_number(number)
    assert former is not None
    assert former.where is Fate.SUPERSEDED


def test_another_number_of_the_device_hides_nothing(store: Store, tmp_path: Path) -> None:
    """Network file systems have a new device number after each mount: the file is found, and listed once."""
    path = tmp_path / "model"
    path.write_bytes(b"x")
    old = FileId.of(path.stat())
    before = FileId(old.device + 1, old.inode, old.size, old.mtime_ns, old.ctime_ns)
    store.finish(None, make_record(str(path), before, Verdict.MALICIOUS, None))
    assert len(unsafe_now(store)) == 1
    store.finish(None, make_record(str(path), old, Verdict.MALICIOUS, None))
    assert len(unsafe_now(store)) == 1


def test_an_allowed_content_is_no_finding_and_is_one_again(store: Store, tmp_path: Path) -> None:
    """The allowance counts at once, before the file is judged again, and so does its end."""
    number = judged(store, tmp_path / "model")
    store.allowed.add(SHA256, "ours")
    assert unsafe_now(store) == []
    allowed = store.found.by_number(number)
    assert allowed is not None
    assert allowed.allowed == "ours"
    assert allowed.verdict is Verdict.MALICIOUS
    store.allowed.remove(SHA256)
    assert unsafe_now(store) == [record_id(number)]


def test_what_was_judged_as_allowed_is_malicious_without_the_word(store: Store, tmp_path: Path) -> None:
    """A withdrawn allowance counts before the file is judged again; until then it is allowed, never clean."""
    path = tmp_path / "model"
    path.write_bytes(b"x")
    store.allowed.add(SHA256, "ours")
    found = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, SHA256)
    judgement = replace(found.judgement, allowed="ours", standing=Verdict.CLEAN)
    number = store.finish(None, replace(found, judgement=judgement)).record
    assert unsafe_now(store) == []
    clean = RecordFilter(verdicts=frozenset({Verdict.CLEAN}))
    assert list(store.found.newest_first(clean)) == []
    store.allowed.remove(SHA256)
    assert unsafe_now(store) == [record_id(number)]
    withdrawn = store.found.by_number(number)
    assert withdrawn is not None
    assert (withdrawn.allowed, withdrawn.outcome) == (None, "malicious")


def test_an_allowed_import_hides_nothing_else(store: Store, tmp_path: Path) -> None:
    """What is left of a file whose import was allowed is a finding."""
    path = tmp_path / "model"
    path.write_bytes(b"x")
    found = make_record(str(path), FileId.of(path.stat()), Verdict.MALICIOUS, None)
    judgement = replace(found.judgement, allowed="a.b: ours", standing=Verdict.UNSAFE)
    number = store.finish(None, replace(found, judgement=judgement)).record
    assert unsafe_now(store) == [record_id(number)]
    malicious = RecordFilter(verdicts=frozenset({Verdict.MALICIOUS}))
    assert [each.number for each in store.found.newest_first(malicious)] == [number]


def test_a_verdict_that_was_taken_back_still_counts(store: Store, tmp_path: Path) -> None:
    """Files that wait to be judged again are findings meanwhile, each once."""
    judged(store, tmp_path / "model", Verdict.UNSAFE)
    newest = judged(store, tmp_path / "model", Verdict.MALICIOUS)
    store.records.forget_verdicts()
    assert unsafe_now(store) == [record_id(newest)]


def test_what_was_moved_has_its_fate(store: Store, tmp_path: Path) -> None:
    """A moved file is no finding; the vault says whether it still has it."""
    number = judged(store, tmp_path / "model", move=True)
    (intent,) = store.intents.wanted()
    store.intents.done(intent.id, "c6aa00112233", intent.file)
    (tmp_path / "model").unlink()
    assert unsafe_now(store) == []
    for fates, where in (({}, "quarantined"), ({"c6aa00112233": "restored"}, "restored")):
        found = store.found.by_number(number, fates)
        assert found is not None
        assert (found.where, found.item) == (where, "c6aa00112233")
    assert [found.number for found in store.found.by_item("C6AA")] == [number]
    assert store.found.by_item("c6") == store.found.by_item("c6ab") == store.found.by_item("*") == []


def test_records_are_narrowed_down(store: Store, tmp_path: Path) -> None:
    """By verdict, directory, time and user: those who own a file, and those in whose home it lies."""
    (tmp_path / "a").mkdir()
    (tmp_path / "ab").mkdir()
    inside, beside = judged(store, tmp_path / "a/x"), judged(store, tmp_path / "ab/x", Verdict.CLEAN)

    def numbers(**wanted: object) -> list[int]:
        return [found.number for found in store.found.newest_first(RecordFilter(**wanted))]  # type: ignore[arg-type]

    assert numbers() == [beside, inside]
    assert numbers(verdicts=frozenset({Verdict.CLEAN})) == [beside]
    assert numbers(under=str(tmp_path / "a")) == [inside]
    assert numbers(under=str(tmp_path / "ab/x")) == [beside]
    assert numbers(since=1e11) == []
    assert numbers(uid=os.getuid()) == [beside, inside]
    assert numbers(uid=os.getuid() + 1) == []
    assert numbers(uid=os.getuid() + 1, homes=(str(tmp_path / "a"),)) == [inside]


def test_all_records_come_in_batches(store: Store, tmp_path: Path) -> None:
    """More records than are read at a time are all found, in order."""
    numbers = [store.finish(None, make_record(f"/m/{n}", FileId(7, n, 1, 1, 1))).record for n in range(1_100)]
    assert [found.number for found in store.found.newest_first(RecordFilter())] == numbers[::-1]


def test_a_file_is_found_by_what_was_shown(store: Store, tmp_path: Path) -> None:
    """By its path, and by the path as it was printed; the newest record of a file stands for it."""
    odd = tmp_path / "b\n\udcff"
    judged(store, odd, Verdict.UNSAFE)
    newest = judged(store, odd, Verdict.MALICIOUS)
    for name in (str(odd), f"{tmp_path}/b\\x0a\\xff"):
        assert [found.number for found in store.found.by_name(name)] == [newest]
    assert store.found.by_name("b") == []


@pytest.mark.parametrize("text", ["r", "12", "c6aa", "r-1", "r1.bin", "r\u0661", "r" + "1" * 30, ""])
def test_ids_are_nothing_else(text: str) -> None:
    """No path that people have, and no quarantined item's id, is a record's."""
    assert record_number(record_id(12)) == record_number("R12") == 12
    assert record_number(text) is None


def test_the_lines_say_what_it_does_and_what_to_type(store: Store, tmp_path: Path) -> None:
    """A person reads the id, what the file would do, and the next command; no escape code comes through."""
    number = judged(store, tmp_path / "e\x1b[31m")
    found = store.found.by_number(number)
    assert found is not None
    text = "\n".join(found_lines(found, colour=False))
    assert f"r{number} " in text
    assert "unsafe-import: imports os.system" in text
    assert f"picklewatch explain r{number}" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "%0"])
def test_no_cell_is_a_formula(store: Store, name: str) -> None:
    """A file's name is text to a spreadsheet, whatever it begins with."""
    number = store.finish(None, make_record(name, FileId(7, 1, 1, 1, 1), Verdict.MALICIOUS)).record
    found = store.found.by_number(number)
    assert found is not None
    assert _read_back(found)["path"] == f"'{name}"


def _read_back(found: FoundRecord) -> dict[str, str]:
    text = io.StringIO()
    csv.writer(text).writerow(cells(found))
    (row,) = csv.reader([text.getvalue()])
    return dict(zip(COLUMNS, row, strict=True))


def test_a_page_ends_and_says_where_to_go_on(store: Store, tmp_path: Path) -> None:
    """By its length, or by the files that are looked for; whatever is behind is reached by asking on."""
    numbers = [judged(store, tmp_path / name) for name in "abcd"]
    (tmp_path / "c").unlink()
    first = store.found.page(NOW, limit=1)
    assert ([found.number for found in first.found], first.before) == ([numbers[3]], numbers[3])
    looked = store.found.page(NOW, limit=9, before=first.before, looks=2)
    assert ([found.number for found in looked.found], looked.before) == ([numbers[1]], numbers[1])
    rest = store.found.page(NOW, limit=9, before=looked.before)
    assert ([found.number for found in rest.found], rest.before) == ([numbers[0]], 0)
    assert store.found.page(NOW, limit=9, before=numbers[0]).before == 0


def test_a_count_that_may_lack_some_says_so(store: Store, tmp_path: Path) -> None:
    """What was not looked at counts neither as there nor as gone."""
    for name in "abc":
        judged(store, tmp_path / name)
    whole = store.found.tally(NOW)
    assert (whole.total, whole.is_whole) == (3, True)
    few = store.found.tally(NOW, looks=2)
    assert (few.total, few.is_whole) == (2, False)
    mine = store.found.tally(NOW, lambda found: found.path.endswith("a"), looks=2)
    assert (mine.total, mine.is_whole) == (0, False)
