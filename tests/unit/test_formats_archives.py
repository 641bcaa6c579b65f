"""tar and 7z."""

from __future__ import annotations

import gzip
import tarfile

import pytest
from samples.containers import link, seven_zip, tarred, zipped
from samples.hostile import BENIGN, EVIL
from samples.judging import HARMFUL, judged, rules, verdict

from picklewatch.core.model import Limits, Verdict


@pytest.mark.parametrize("layout", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_layout_of_tar_is_read(layout: int) -> None:
    """Long names and all."""
    name = "/".join(["directory"] * 20) + "/weights"
    members = {"notes.txt": b"hello", name if layout != tarfile.USTAR_FORMAT else "weights": EVIL}
    report, level = judged(tarred(members, layout=layout))
    assert report.format == "tar"
    assert level in HARMFUL
    assert verdict(tarred({"notes.txt": b"hello"}, layout=layout)) is Verdict.SKIPPED


def test_nemo_s_archives_are_read() -> None:
    """A configuration and a checkpoint, plain or compressed."""
    members = {"./model_config.yaml": b"name: x\n", "./model_weights.ckpt": zipped({"archive/data.pkl": EVIL})}
    report, level = judged(tarred(members))
    assert report.format == "nemo"
    assert level in HARMFUL
    assert verdict(gzip.compress(tarred(members))) in HARMFUL


def test_a_large_compressed_tar_is_read_member_by_member() -> None:
    """What is too large to be held at once is read on, each member as far as one may be held."""
    limits = Limits(member=1 << 16)
    noise = {f"shard{n}": bytes([n]) * 40_000 for n in range(4)}
    report, level = judged(gzip.compress(tarred(noise)), limits)
    assert level is Verdict.SKIPPED, report.findings
    assert verdict(gzip.compress(tarred(noise | {"last": EVIL})), limits) in HARMFUL
    large = tarred({"large": bytes(1 << 17), "last": EVIL})
    assert verdict(gzip.compress(large), limits) in HARMFUL
    assert verdict(gzip.compress(tarred({"large": bytes(1 << 17)})), limits) is Verdict.UNSCANNABLE
    whole = gzip.compress(tarred(noise))
    assert verdict(whole[: len(whole) // 2], limits) is Verdict.UNSCANNABLE


@pytest.mark.parametrize("tag", ["object/apply:os.system", "object/new:os.system", "module:os", "object:os.system"])
def test_yaml_that_calls_python_is_unsafe(tag: str) -> None:
    """In NeMo's configuration as on its own."""
    text = b"a: 1\nb: !!python/" + tag.encode() + b" ['echo']\n"
    harm = Verdict.UNSAFE if tag == "module:os" else Verdict.MALICIOUS
    assert verdict(text) is harm
    assert verdict(tarred({"model_config.yaml": text})) is harm
    assert verdict(b"# never use !!python/object/apply:os.system\na: !!python/tuple [1]\n") is Verdict.SKIPPED


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/etc/passwd", tarfile.LNKTYPE),
        *((target, kind) for target in ("../../x", "a/../../x") for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE)),
    ],
)
def test_a_link_that_leads_out_is_unsafe(target: str, kind: bytes) -> None:
    """A later member may be written through it; every root file system has symbolic links to absolute names."""
    assert "archive-unsafe-link" in rules(tarred({"a": b"x"}, links=[link("l", target, kind)]))


def test_a_link_within_is_only_reported() -> None:
    """As environments and checkpoints have them."""
    report, level = judged(tarred({"a/b": b"x"}, links=[link("a/latest", "b")]))
    assert level is Verdict.SKIPPED
    assert [finding.rule for finding in report.findings] == ["archive-link"]


def test_names_and_devices_of_a_tar() -> None:
    """Names that lead out and special files are unsafe."""
    assert "archive-unsafe-name" in rules(tarred({"../x": b"y"}))
    assert "archive-special-file" in rules(tarred({"a": b"x"}, links=[link("d", "", tarfile.CHRTYPE)]))


def test_what_follows_a_tar_is_judged() -> None:
    """Behind the end-of-archive blocks, also another archive."""
    honest = tarred({"a": b"x"})
    assert verdict(honest + EVIL) in HARMFUL
    assert verdict(honest + tarred({"b": EVIL})) in HARMFUL


def test_a_broken_tar_is_unscannable() -> None:
    """Cut off inside a member, or in a header."""
    whole = tarred({"a": BENIGN * 100, "b": BENIGN})
    assert verdict(whole[:700]) is Verdict.UNSCANNABLE
    assert verdict(whole[: whole.index(b"b\0") + 300]) is Verdict.UNSCANNABLE


@pytest.mark.parametrize("coders", ["copy", "lzma", "lzma2", "bcj"])
def test_7z_is_read(coders: str) -> None:
    """Without any package, solid or not."""
    members = {"notes.txt": b"hello " * 9, "weights": EVIL, "more": BENIGN}
    report, level = judged(seven_zip(members, coders))
    assert report.format == "7z"
    assert level in HARMFUL, report.findings
    assert any(finding.where.startswith("weights:") for finding in report.findings)
    assert verdict(seven_zip({"a": BENIGN}, coders)) is Verdict.CLEAN


def test_a_packed_header_of_7z_is_unpacked() -> None:
    """As 7-Zip itself writes it."""
    report, level = judged(seven_zip({"a": BENIGN, "b": EVIL}, packed_header=True))
    assert level in HARMFUL, report.findings
    assert "archive-unsafe-name" in rules(seven_zip({"../x": BENIGN}, packed_header=True))


@pytest.mark.parametrize(("coders", "rule"), [("ppmd", "archive-not-readable"), ("aes", "encrypted-member")])
def test_7z_that_can_t_be_read_is_unscannable(coders: str, rule: str) -> None:
    """Whatever it holds is unknown."""
    report, level = judged(seven_zip({"a": BENIGN}, coders))
    assert level is Verdict.UNSCANNABLE
    assert rule in {finding.rule for finding in report.findings}


def test_a_broken_7z_is_unscannable() -> None:
    """At every length."""
    whole = seven_zip({"a": BENIGN})
    assert {verdict(whole[:size]) for size in range(6, len(whole))} == {Verdict.UNSCANNABLE}


def test_what_follows_a_7z_is_judged() -> None:
    """As behind any archive."""
    assert verdict(seven_zip({"a": BENIGN}) + EVIL) in HARMFUL
