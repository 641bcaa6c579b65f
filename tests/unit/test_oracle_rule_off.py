"""With the rule off the oracle takes each of the known chains for clean, so that it may find them; else none."""

from __future__ import annotations

import pytest
from oracle.engine import Judge
from oracle.mutations import STAND_IN_FUNCTION
from oracle.trees import Node, call, emit, new, tree

from picklewatch.analysis.pickle.checks import unvouched
from picklewatch.analysis.pickle.semantics.taken_arguments import TakenArguments

_LOADER = new("torch.utils.data.dataloader.DataLoader", {"collate_fn": STAND_IN_FUNCTION})
_PARTIAL = call("functools.partial", STAND_IN_FUNCTION)
_PARAMETERS = [new("types.SimpleNamespace", {"name": name, "kind": 1}) for name in ("x", "a): pass #")]
_SIGNED = new("torch.nn.modules.linear.Identity", {"__signature__": call("inspect.Signature", _PARAMETERS)})


def _with_state(name: str, state: object) -> Node:
    made = new(name)
    made.state.append(tree(state))
    return made


_CHAINS = {
    "an optimizer walks over a loader": new("torch.optim.adam.Adam", {"param_groups": _LOADER}),
    "a kept call has the name of a method": new("torch.optim.adam.Adam", {"_patch_step_function": _PARTIAL}),
    "a configuration is a state": _with_state(
        "torch.amp.grad_scaler.GradScaler",
        new("omegaconf.dictconfig.DictConfig", {"_content": {"x": "${oc.coerce:wave.x,1}"}}),
    ),
    "a class is called with a literal": call("scipy.io._netcdf.netcdf_file", "gpt2"),
    "a module asks a loader": new("torch.nn.modules.linear.Identity", {"_modules": _LOADER}),
    "a distribution runs a parameter's name": _with_state(
        "scipy.stats._continuous_distns.norm_gen", {0: {}, 1: None, "_pdf": _SIGNED}
    ),
}


@pytest.fixture(autouse=True)
def _given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the oracle replaces for good with the rule off, or other tests of this process judge without it."""
    monkeypatch.setattr(unvouched, "_vouched_call", unvouched._vouched_call)
    for name in ("_look", "_only_data"):
        monkeypatch.setattr(TakenArguments, name, getattr(TakenArguments, name))


@pytest.mark.parametrize("chain", _CHAINS.values(), ids=_CHAINS)
def test_the_rule_alone_keeps_the_chains_from_being_clean(chain: Node) -> None:
    """Nothing else of the engine hides them from the oracle."""
    data = emit(chain)
    assert not Judge().clean(data)
    assert Judge(rule=False).clean(data)
