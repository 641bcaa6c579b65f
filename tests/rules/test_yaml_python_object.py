"""YAML that makes Python objects."""

from __future__ import annotations

from samples.judging import levels

from picklewatch.core.model import Level


def test_a_tag_is_judged_as_the_call_that_it_makes() -> None:
    """``yaml.load`` without a safe loader calls it."""
    assert levels(b"a: !!python/object/apply:os.system ['true']\n")["yaml-python-object"] is Level.MALICIOUS
    assert levels(b"a: !!python/object/new:builtins.map [1]\n")["yaml-python-object"] is Level.UNSAFE
    assert levels(b"a: !!python/module:x\n")["yaml-python-object"] is Level.UNSAFE
    assert levels(b"a: !!python/object:src.settings.Settings {}\n")["yaml-python-object"] is Level.UNVERIFIED


def test_what_honest_programs_dump_is_not_reported() -> None:
    """stable-baselines3's settings, paths, numbers of numpy, argparse's options."""
    text = b"""
a: !!python/object/apply:collections.OrderedDict
- - - batch_size
    - 64
b: !!python/object/apply:pathlib.PosixPath [a, b]
c: !!python/object/apply:numpy.core.multiarray.scalar
- !!python/object/apply:numpy.dtype
  args: [f8, false, true]
  state: !!python/tuple [3, <, null, null, null, -1, -1, 0]
- !!binary AAAAAAAA8D8=
d: !!python/object:argparse.Namespace {lr: 1}
"""
    assert levels(text) == {}


def test_a_tuple_is_not_reported() -> None:
    """Neither is a comment."""
    assert levels(b"# never use !!python/object/apply:os.system\na: !!python/tuple [1]\n") == {}
