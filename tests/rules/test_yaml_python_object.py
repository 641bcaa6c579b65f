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


def test_a_name_is_judged_as_an_import() -> None:
    """An object's state may have a method of that name called (``construct_python_object_apply`` in constructor.py)."""
    text = (
        b"x: !!python/object/new:types.SimpleNamespace\n  state: {extend: !!python/name:exec }\n"
        b'  listitems: "print(1)"\n'
    )
    assert levels(text)["yaml-python-object"] is Level.MALICIOUS
    loads = b"x: !!python/object:argparse.Namespace {extend: !!python/name:torch.storage._load_from_bytes }\n"
    assert levels(loads)["yaml-python-object"] is Level.UNSAFE
    assert levels(b"a: !!python/name:exec \nx: !!python/object:argparse.Namespace {}\n") != {}
    assert levels(b"x: !!python/name:materialx.emoji.twemoji\n") == {}
    beside = b"x: !!python/object:argparse.Namespace {extend: !!python/name:materialx.emoji.twemoji }\n"
    assert levels(beside)["yaml-python-object"] is Level.UNVERIFIED


def test_a_state_for_hooks_that_act_is_not_vouched_for() -> None:
    """Scipy's distributions execute a text of their state."""
    text = b"x: !!python/object:scipy.stats._continuous_distns.norm_gen {_parse_arg_template: print}\n"
    assert levels(text)["yaml-python-object"] is Level.UNVERIFIED
