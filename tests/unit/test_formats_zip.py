"""What is seen in zip archives whose headers lie, and that honest ones of any writer are left alone."""

from __future__ import annotations

import struct
import zipfile

import pytest
from samples.containers import Entry, library_zip, tarred, with_lie, zip_of, zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import HARMFUL, judged, rules, verdict
from samples.torch_checkpoint import checkpoint, torch_zip

from picklewatch.core.model import Level, Limits, Verdict

HOSTILE = [Entry("archive/version", b"3"), Entry("archive/data.pkl", EVIL)]
HONEST = [Entry("archive/version", b"3"), Entry("archive/data.pkl", BENIGN)]

LIES: dict[str, dict[str, object]] = {
    "another local name": {"local_name": "archive/readme.txt"},
    "another central name": {"name": "archive/readme.txt", "local_name": "archive/data.pkl"},
    "a wrong checksum in the directory": {"crc": 1, "local_crc": None},
    "a zeroed checksum": {"crc": 0},
    "a wrong local checksum": {"local_crc": 1},
    "encrypted by the directory": {"flags": 0x1, "local_flags": 0},
    "encrypted by the local header": {"local_flags": 0x1},
    "encrypted by both": {"flags": 0x1},
    "patched": {"flags": 0x20},
    "strongly encrypted": {"flags": 0x40},
    "masked": {"flags": 0x2000},
    "a smaller local size": {"local_size": 3},
    "a larger local size": {"local_size": 1 << 20},
    "a smaller size in the directory": {"size": 3},
    "a larger size in the directory": {"size": len(EVIL) + 1},
}


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_of_a_header_hides_a_payload(lie: str) -> None:
    """Whatever a header lies about, the member is read by every reading and its harm is found."""
    assert verdict(with_lie(HOSTILE, 1, LIES[lie])) in HARMFUL


@pytest.mark.parametrize("lie", ["another local name", "another central name"])
def test_two_names_over_a_pickle_serve_only_to_hide(lie: str) -> None:
    """Differing names over a pickle are malicious even if the pickle does no harm."""
    report, level = judged(with_lie(HONEST, 1, LIES[lie]))
    assert level is Verdict.MALICIOUS
    assert "zip-headers-differ" in {finding.rule for finding in report.findings}


@pytest.mark.parametrize("lie", ["encrypted by both", "patched", "strongly encrypted", "masked"])
def test_odd_flag_bits_are_never_clean(lie: str) -> None:
    """Flag bits that stop common readers are told, also over harmless content."""
    assert "zip-flag-bits" in rules(with_lie(HONEST, 1, LIES[lie]))
    assert verdict(with_lie(HONEST, 1, LIES[lie])) is Verdict.UNSCANNABLE


def test_a_zeroed_checksum_in_a_torch_archive_is_only_reported() -> None:
    """Torch can be told not to compute checksums, and never compares them."""
    report, level = judged(with_lie(HONEST, 1, LIES["a zeroed checksum"]))
    assert level is Verdict.CLEAN
    assert [finding.level for finding in report.findings if finding.rule == "zip-wrong-crc"] == [Level.INFO]


def test_a_wrong_checksum_in_another_archive_counts() -> None:
    """Where readers compare checksums a wrong one is damage or a trick."""
    assert verdict(zip_of([Entry("weights.pkl", BENIGN, crc=1)])) is Verdict.UNVERIFIED


def test_an_encrypted_member_is_unscannable() -> None:
    """An encrypted member can't be judged."""
    scrambled = bytes(byte ^ 0x5A for byte in EVIL)
    report, level = judged(zip_of([Entry("weights.pkl", scrambled, flags=0x1, crc=7)]))
    assert level is Verdict.UNSCANNABLE
    assert "encrypted-member" in {finding.rule for finding in report.findings}


def test_two_end_records_are_read_both() -> None:
    """A second end record that hides the first archive's members does not."""
    hostile, honest = zip_of(HOSTILE), zip_of(HONEST, base=0)
    second = zip_of(HONEST, base=len(hostile))
    for data in (hostile + honest, hostile + second, honest + hostile):
        assert verdict(data) in HARMFUL


def test_two_directories_over_the_same_members_are_both_read() -> None:
    """The last end record leads to a harmless directory, the one before it to the payload."""
    data = zip_of([Entry("a/data.pkl", EVIL), Entry("b/data.pkl", BENIGN)])
    body, end = data[:-22], data[-22:]
    first = body.index(b"PK\1\2")
    second = body.index(b"PK\1\2", first + 1)

    def record(start: int, stop: int, comment: int) -> bytes:
        return end[:8] + struct.pack("<2H2IH", 1, 1, stop - start, start, comment)

    entries = body[first:second] + body[second:]
    padded = body[:first] + entries
    hostile, honest = record(first, second, 22), record(second, len(padded), 0)
    for data in (padded + hostile + honest, padded + honest[:20] + b"\x16\0" + hostile[:20] + b"\0\0"):
        report, level = judged(data)
        assert level in HARMFUL, report.findings
    assert "zip-two-end-records" in rules(padded + hostile + honest)


def test_an_end_record_in_a_comment_does_not_hide_the_archive() -> None:
    """An end record inside another one's comment is a second reading."""
    empty = zip_of([])
    assert verdict(zip_of(HOSTILE, comment=empty)) in HARMFUL


def test_archives_in_a_row_are_each_judged() -> None:
    """A distributed checkpoint is many archives in a row: clean if all are."""
    row = b"".join(checkpoint({"weight": [float(n)] * 8}) for n in range(5))
    report, level = judged(row)
    assert level is Verdict.CLEAN
    assert report.pickles == 5
    assert verdict(checkpoint({"a": [1.0]}) + torch_zip(EVIL) + checkpoint({"b": [1.0]})) in HARMFUL


@pytest.mark.parametrize("where", ["before", "behind", "between", "comment"])
def test_a_payload_outside_of_all_members_is_found(where: str) -> None:
    """Bytes that no header covers are looked through."""
    first = Entry("archive/version", b"3", behind=b"\0" * 64 + EVIL + b"\0" * 64 if where == "between" else b"")
    data = zip_of([first, HONEST[1]], comment=EVIL if where == "comment" else b"")
    data = EVIL + data if where == "before" else data + EVIL if where == "behind" else data
    assert verdict(data) in HARMFUL


def test_a_member_that_only_a_streaming_reader_sees_is_judged() -> None:
    """A local header that no directory lists is no way past."""
    orphan = zip_of(HOSTILE)
    orphan = orphan[: orphan.index(b"PK\1\2")]
    assert verdict(zip_of([Entry("archive/version", b"3", behind=b"\0" * 32 + orphan), HONEST[1]])) in HARMFUL
    assert verdict(orphan) in HARMFUL
    assert "malformed-zip" in rules(orphan)


def test_a_prefix_alone_is_no_alarm() -> None:
    """Self-extracting programs carry their archive behind them."""
    assert verdict(b"\x93\x94" + bytes(500) + zipped({"readme.txt": b"hello"})) is Verdict.SKIPPED


@pytest.mark.parametrize("name", ["../../home/user/.bashrc", "/etc/cron.d/x", "..\\..\\x", "C:\\x"])
def test_a_name_that_leads_out_is_unsafe(name: str) -> None:
    """Unpacking by name must stay below the target."""
    assert "archive-unsafe-name" in rules(zip_of([Entry(name, b"x")]))
    assert verdict(zip_of([Entry(name, b"x")])) is Verdict.UNSAFE


def test_both_members_of_one_name_are_judged() -> None:
    """Capitals don't tell names apart, as torch compares them."""
    for first, second in ((EVIL, BENIGN), (BENIGN, EVIL)):
        assert verdict(zip_of([Entry("a/data.pkl", first), Entry("a/DATA.PKL", second)])) in HARMFUL
    assert "zip-duplicate-name" in rules(zip_of([Entry("a/data.pkl", BENIGN), Entry("a/DATA.PKL", BENIGN)]))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_compression_of_the_standard_library_is_read(compression: int) -> None:
    """What zipfile writes is read, and honest archives are skipped or clean."""
    assert verdict(library_zip({"a/weights": EVIL * 3}, compression)) in HARMFUL
    assert verdict(library_zip({"a/weights": BENIGN}, compression)) is Verdict.CLEAN
    assert verdict(library_zip({"notes.txt": b"hello " * 99}, compression)) is Verdict.SKIPPED


def test_an_unknown_compression_is_unscannable() -> None:
    """Deflate64 and the like can't be read here: never clean."""
    assert "compression-not-readable" in rules(zip_of([Entry("weights", b"\x01\x02", method=9)]))


def test_archives_in_archives_are_read() -> None:
    """Each content is judged by what it is, however deep."""
    inner = zipped({"deep/data.pkl": EVIL}, deflated=True)
    for _ in range(3):
        inner = tarred({"x": zipped({"y": inner})})
    report, level = judged(inner)
    assert level in HARMFUL
    assert any(finding.where.count("!") >= 4 for finding in report.findings)


def test_a_bomb_ends_in_unscannable() -> None:
    """What unpacks beyond the limit ends the scan, and what came before counts."""
    limits = Limits(unpacked=1 << 20, member=1 << 18)
    bomb = Entry("zeros", bytes(4 << 20), deflated=True)
    report, level = judged(zip_of([bomb]), limits)
    assert level is Verdict.UNSCANNABLE
    assert not report.complete
    assert verdict(zip_of([Entry("a", EVIL), bomb]), limits) in HARMFUL
    assert verdict(zip_of([bomb, Entry("a", EVIL)]), limits) in HARMFUL


def test_too_many_members_are_unscannable() -> None:
    """The directory of an archive can't keep the scanner busy for ever."""
    report, level = judged(zip_of([Entry(f"{n}", b"") for n in range(50)]), Limits(members=20))
    assert level is Verdict.UNSCANNABLE
    assert [finding.rule for finding in report.findings] == ["limit-members"]


def test_members_inside_each_other_are_reported() -> None:
    """A quine or an overlapping bomb is never clean."""
    inner = zip_of([Entry("inner", b"x" * 64)])
    data = zip_of([Entry("outer", b"--" + inner)])
    start = data.index(b"PK\3\4", 4)
    directory = data.rindex(b"PK\1\2")
    name = b"inner"
    entry = data[directory : directory + 46]
    overlapping = bytearray(entry) + name
    overlapping[28:30] = len(name).to_bytes(2, "little")
    overlapping[20:28] = (64).to_bytes(4, "little") * 2
    overlapping[42:46] = start.to_bytes(4, "little")
    end = bytearray(data[-22:])
    end[8:12] = (2).to_bytes(2, "little") * 2
    size = len(data) - 22 - directory + len(overlapping)
    end[12:16] = size.to_bytes(4, "little")
    assert "zip-overlap" in rules(data[:-22] + bytes(overlapping) + bytes(end))


def test_a_zip64_archive_is_read_once() -> None:
    """Torch writes zip64 records always; their agreement with the plain record is no second reading."""
    for tensors in range(1, 12):
        report, level = judged(checkpoint({f"w{n}": [1.0] * 4 for n in range(tensors)}))
        assert level is Verdict.CLEAN, report.findings
        assert report.findings == ()
        assert report.pickles == 1
