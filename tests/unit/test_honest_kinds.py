"""Honest files of real kinds (`samples.honest_kinds`): none is an alarm, and few are unverified."""

from __future__ import annotations

import pytest
from samples.honest_kinds import DOCUMENT, KINDS, NUMBERS, thing
from samples.judged import judged, level
from samples.more_honest_kinds import MORE_KINDS
from samples.opcodes import BUILD, EMPTY_DICT, SETITEM, dict_, global_, new, pickle, text

from picklewatch.core.model import Level

_ALL = KINDS | MORE_KINDS
_LEVELS = {kind: level(judged(pickle(2, value), persistent=True)) for kind, value in _ALL.items()}
_HARM = {Level.UNSAFE, Level.MALICIOUS}


def test_no_honest_kind_is_an_alarm() -> None:
    """None of them does anything."""
    assert {kind: found for kind, found in _LEVELS.items() if found not in {Level.INFO, Level.UNVERIFIED}} == {}


def test_few_honest_kinds_are_unverified() -> None:
    """One's own code is; of libraries the census settles more than three of four."""
    unverified = [kind for kind, found in _LEVELS.items() if found is Level.UNVERIFIED]
    assert len(unverified) < len(_ALL) / 4, unverified


_REACHES = global_("torch.storage", "_load_from_bytes")


@pytest.mark.parametrize(
    "attack",
    [
        thing("chumpy.ch.Ch", x=NUMBERS, clear_cache=_REACHES),
        thing("chumpy.reordering.Select", a=thing("torch.nn.modules.linear.Identity", _parents=EMPTY_DICT)),
        thing("chumpy.ch.Ch", dterms=thing("torch.utils.data.dataloader.DataLoader", collate_fn=_REACHES)),
        thing("flair.data.Dictionary", idx2item=thing("torch.utils.data.dataloader.DataLoader", collate_fn=_REACHES)),
        thing("langchain_core.documents.base.Document", __dict__=thing("torch.nn.modules.linear.Identity")),
        thing("langchain_core.documents.base.Document", __private_attribute_values__=dict_(a=_REACHES)),
        new("addict.addict", "Dict") + dict_(a=_REACHES) + BUILD,
        new("addict.addict", "Dict") + new("addict.addict", "Dict") + text("a") + _REACHES + SETITEM + BUILD,
        thing("requests.adapters.HTTPAdapter", init_poolmanager=_REACHES),
        thing(
            "stable_baselines3.common.vec_env.vec_normalize.VecNormalize",
            observation_space=thing("gymnasium.spaces.dict.Dict", spaces=thing("torch.nn.modules.linear.Identity")),
        ),
    ],
)
def test_what_a_hook_of_them_reaches_is_told(attack: bytes) -> None:
    """Their schemas end where nothing is asked, and not before."""
    assert level(judged(pickle(4, attack))) in _HARM


def test_the_attributes_of_a_data_model_are_those_in_its_dict() -> None:
    """Pydantic makes one part of the state the ``__dict__``: what is under the names of methods there is found."""
    assert level(judged(pickle(4, DOCUMENT))) is Level.INFO
    inner = dict_(append=_REACHES)
    filled = thing("langchain_core.documents.base.Document", __dict__=inner) + b"(" + text("x") + b"e"
    assert level(judged(pickle(4, filled))) in _HARM
