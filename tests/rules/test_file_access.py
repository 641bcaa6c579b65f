"""An import of what opens, writes or deletes files."""

from __future__ import annotations

from samples.judging import levels
from samples.opcodes import call, pickle, text

from picklewatch.core.model import Level


def test_a_file_that_is_opened_is_malicious() -> None:
    """``open`` with a path to append to."""
    assert levels(pickle(2, call("io", "open", text(".bashrc"), text("a"))))["file-access"] is Level.MALICIOUS


def test_a_path_alone_opens_nothing() -> None:
    """A ``PurePosixPath`` is a name, as training arguments hold it."""
    assert levels(pickle(2, call("pathlib", "PurePosixPath", text("runs"), text("1")))) == {}
