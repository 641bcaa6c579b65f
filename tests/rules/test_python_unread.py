"""Python beyond the bounds of what is parsed."""

from __future__ import annotations

import sys

import pytest
from samples.judging import judged, verdict

from picklewatch.core.model import Level, Verdict

DEEP = {
    "brackets": b"import os\nx = " + b"(" * 300 + b")" * 300 + b"\n",
    "signs": b"import os\nx = " + b"-" * 30_000 + b"1\n",
    "powers": b"import os\nx = " + b"2**" * 9_000 + b"1\n",
    "attributes": b"import os\nx = os" + b".a" * 9_000 + b"\n",
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_nested_too_deeply_is_never_clean(name: str) -> None:
    """The parser gives up, and a later one may not: that of Python 3.13 reads the attributes."""
    report, level = judged(DEEP[name])
    found = {f.rule: f.level for f in report.findings}
    if "python-unread" not in found:
        assert sys.version_info >= (3, 13)
        assert level is Verdict.UNVERIFIED
    else:
        assert level is Verdict.UNSCANNABLE
        assert found.pop("python-unread") is Level.UNSCANNABLE
    assert found == {"python-code": Level.UNVERIFIED}


def test_long_strings_are_no_bound() -> None:
    """They cost a parser nothing: a font or an archive in base64 is common."""
    assert verdict(b"import os\nx = '" + b"a" * 400_000 + b"'\n") is Verdict.UNVERIFIED


def test_code_far_behind_prose_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is larger than what is read at a time is read from each sign of code on."""
    monkeypatch.setattr("picklewatch.analysis.formats.python_files.LARGEST", 1 << 12)
    monkeypatch.setattr("picklewatch.analysis.python.nature.PLAINLY", 1 << 12)
    far = b"# import x\n" + b"# more\n" * 2_000 + b"import os\nos.system('touch x')\n"
    assert verdict(far) is Verdict.UNSAFE
    assert verdict(b"\x01" + far) is Verdict.SKIPPED
    assert verdict(b"# \x01\n" + b"# more\n" * 2_000) is Verdict.SKIPPED
    assert verdict(b"# \x01 import\n" + b"# more\n" * 2_000) is Verdict.UNSCANNABLE
