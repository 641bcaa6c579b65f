"""Keys in pickles that a loader imports or runs once the pickle is loaded: told, wherever they lie."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import pytest
from samples.judging import levels, verdict
from samples.loader_keys import HONEST, LOADERS, PICKLED_LOADERS

from picklewatch.analysis.pickle.vm.values import DICT_CAP
from picklewatch.core.model import Level, Verdict


@pytest.mark.parametrize("data", [*LOADERS.values(), *PICKLED_LOADERS.values()], ids=[*LOADERS, *PICKLED_LOADERS])
@pytest.mark.parametrize(
    "wrap", [dict, OrderedDict, lambda data: SimpleNamespace(**data)], ids=["dict", "ordered", "object"]
)
def test_what_a_loader_would_run_is_told_in_every_container(data: dict[str, Any], wrap: Any) -> None:
    """A dictionary, one that is made of pairs, and the attributes of an object."""
    for protocol in (0, 2, 5):
        assert verdict(pickle.dumps({"hyper_parameters": wrap(data)}, protocol)) in {Verdict.UNSAFE, Verdict.MALICIOUS}


@pytest.mark.parametrize("data", HONEST.values(), ids=list(HONEST))
def test_what_honest_files_hold_is_clean(data: dict[str, Any]) -> None:
    """Vouched classes, classes of the loader's own library, and everyday words without their companions."""
    assert verdict(pickle.dumps({"hyper_parameters": data, "state": OrderedDict(data)})) is Verdict.CLEAN


def test_your_own_class_and_what_reads_data_are_unverified() -> None:
    """Honest configurations name both; nobody has read the one, and the other reads files."""
    for name in ("src.models.Net", "torchvision.datasets.CIFAR10", "torch.utils.tensorboard.SummaryWriter"):
        assert levels(pickle.dumps({"_target_": name})) == {"config-target": Level.UNVERIFIED}


def test_an_unknown_name_of_python_is_milder_under_a_word_that_others_use() -> None:
    """``class_path`` may be anything, ``_target_`` is not."""
    assert levels(pickle.dumps({"class_path": "random.random", "init_args": {}})) == {"config-target": Level.UNVERIFIED}
    assert levels(pickle.dumps({"_target_": "random.random"})) == {"config-target": Level.UNSAFE}


def test_a_dictionary_that_is_filled_later_is_judged_in_its_final_form() -> None:
    """The key, its value and its companion may come one by one, through the memo."""
    late = b"\x80\x02}q\x00(X\x01\0\0\0aK\x01uh\x00X\x06\0\0\0targetX\x09\0\0\0os.systemsh\x00X\x06\0\0\0params}s."
    assert levels(late)["config-target"] is Level.MALICIOUS
    replaced = (
        b"\x80\x02}q\x00X\x08\0\0\0_target_X\x09\0\0\0os.systemsh\x00X\x08\0\0\0_target_X\x10\0\0\0torch.optim.Adams."
    )
    assert "config-target" not in levels(replaced)


def test_a_key_behind_thousands_of_others_is_seen() -> None:
    """Beyond its cap, a dictionary is kept without the places of its keys."""
    filler = {f"k{number}": number for number in range(DICT_CAP + 10)}
    assert levels(pickle.dumps({**filler, "target": "os.system", "params": {}}))["config-target"] is Level.MALICIOUS
    assert levels(pickle.dumps({**filler, "_target_": "os.system"}))["config-target"] is Level.MALICIOUS


def test_a_key_that_a_call_makes_is_read() -> None:
    """``str('_target_')`` is equal to the key, and so is numpy's ``str_``."""
    key = b"cbuiltins\nstr\n(X\x08\0\0\0_target_tR"
    assert levels(b"\x80\x04}" + key + b"X\x09\0\0\0os.systems.")["config-target"] is Level.MALICIOUS
    name = "_target_".encode("utf-32-le")
    element = b"cnumpy\ndtype\n(X\x02\0\0\0U8\x89\x88tR(K\x03X\x01\0\0\0<NNNK\x20K\x04K\x08tb"
    numpy = b"cnumpy.core.multiarray\nscalar\n(" + element + b"C" + bytes([len(name)]) + name + b"tR"
    assert levels(b"\x80\x04}" + numpy + b"X\x09\0\0\0os.systems.")["config-target"] is Level.MALICIOUS


def test_a_node_of_omegaconf_is_read() -> None:
    """A configuration keeps each value in an object of its own."""
    node = b"comegaconf.nodes\nAnyNode\n)\x81}(X\x04\0\0\0_valX%s\0\0\0%sub"
    config = b"\x80\x04comegaconf.dictconfig\nDictConfig\n)\x81}X\x08\0\0\0_content}X\x08\0\0\0_target_"
    assert levels(config + node % (b"\x09", b"os.system") + b"ssb.")["config-target"] is Level.MALICIOUS
    resolver = b"${eval:__import__('os').system('x')}"
    assert levels(config + node % (bytes([len(resolver)]), resolver) + b"ssb.")["config-target"] is Level.MALICIOUS


def test_a_pair_list_that_makes_an_ordered_dictionary_is_read() -> None:
    """Python 2 pickles ``OrderedDict`` so."""
    pairs = b"\x80\x02ccollections\nOrderedDict\n](](X\x08\0\0\0_target_X\x09\0\0\0os.systemee\x85R."
    assert levels(pairs)["config-target"] is Level.MALICIOUS


def test_a_key_that_cannot_be_hashed_hides_none_beside_it() -> None:
    """The unpickler raises there; a reader that goes on would still find the other."""
    assert levels(b"\x80\x02}(]K\x01X\x08\0\0\0_target_X\x09\0\0\0os.systemu.")["config-target"] is Level.MALICIOUS
