"""A state that is an object with methods of its own."""

from __future__ import annotations

from samples.closed import fresh, made
from samples.judging import levels
from samples.opcodes import BUILD, dict_, pickle, text

from picklewatch.core.model import Level


def test_a_configuration_is_no_state() -> None:
    """``dict.update`` asks it for its items, and it resolves them."""
    state = made("omegaconf.dictconfig DictConfig", _content=dict_(x=text("${oc.coerce:x.y,1}")))
    content = pickle(2, fresh("torch.amp.grad_scaler GradScaler"), state, BUILD)
    assert levels(content)["foreign-state"] is Level.UNSAFE


def test_a_dictionary_is_a_state() -> None:
    """As picklers write it."""
    assert levels(pickle(2, fresh("torch.amp.grad_scaler GradScaler"), dict_(x=text("y")), BUILD)) == {}
