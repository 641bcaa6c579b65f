"""YAML that makes Python objects."""

from __future__ import annotations

from samples.judging import levels

from picklewatch.core.model import Level


def test_a_tag_that_calls_is_unsafe() -> None:
    """``yaml.load`` without a safe loader calls it."""
    assert levels(b"a: !!python/object/apply:os.system ['true']\n")["yaml-python-object"] is Level.UNSAFE


def test_a_tuple_is_not_reported() -> None:
    """Neither is a comment."""
    assert levels(b"# never use !!python/object/apply:os.system\na: !!python/tuple [1]\n") == {}
