"""A denied module is not all of its names: enumerations and classes made without a call; and what carries source."""

from __future__ import annotations

import pytest
from samples.judged import judged, level
from samples.opcodes import BUILD, call, dict_, global_, new, number, pickle, text

from picklewatch.core.model import Level


@pytest.mark.parametrize("name", ["signal Signals", "socket AddressFamily", "ssl TLSVersion", "http HTTPMethod"])
def test_a_member_of_an_enumeration_is_a_number(name: str) -> None:
    """Every recent Megatron checkpoint has ``signal.Signals(15)``; with more than a literal it is a call."""
    module, cls = name.split()
    assert level(judged(pickle(4, call(module, cls, number(2))))) is Level.INFO
    assert level(judged(pickle(4, call(module, cls, number(2), text("x"))))) in {Level.UNSAFE, Level.MALICIOUS}


def test_a_signal_by_its_name_is_a_number() -> None:
    """Older versions of Python pickle ``signal.Signals.SIGTERM`` as ``signal.SIGTERM``; functions stay denied."""
    assert level(judged(pickle(4, global_("signal", "SIGTERM")))) is Level.INFO
    assert level(judged(pickle(4, global_("signal", "signal")))) is not Level.INFO


_COOKIE = new("http.cookiejar", "Cookie") + dict_(name=text("a"), value=text("b")) + BUILD
_MADE = {
    "jar": new("http.cookiejar", "CookieJar") + dict_(_cookies=dict_(a=_COOKIE)) + BUILD,
    "data set": new("torchvision.datasets.fakedata", "FakeData") + dict_(size=number(3)) + BUILD,
}


@pytest.mark.parametrize("made", _MADE.values(), ids=_MADE)
def test_what_is_made_without_a_call_only_keeps_attributes(made: bytes) -> None:
    """The modules reach the network, when their classes are called; to restore one calls nothing."""
    assert level(judged(pickle(4, made))) is Level.INFO


@pytest.mark.parametrize("name", ["requests Session", "torchvision.datasets.mnist MNIST", "http.cookiejar CookieJar"])
def test_a_call_of_what_may_only_be_made_is_denied(name: str) -> None:
    """``MNIST('x', True, None, None, True)`` downloads."""
    module, cls = name.split()
    assert level(judged(pickle(4, call(module, cls, text("x"))))) is Level.MALICIOUS
    assert level(judged(pickle(4, call("functools", "partial", global_(module, cls))))) is Level.UNSAFE


_SOURCE = (
    "import numpy as np\nclass Generator(torch.nn.Module):\n    def forward(self, x):\n        return self.net.eval()\n"
)


def _persistent(source: str) -> bytes:
    meta = dict_(type=text("class"), module_src=text(source), class_name=text("Generator"), state=dict_())
    return call("torch_utils.persistence", "_reconstruct_persistent_obj", meta)


def test_what_carries_the_source_of_its_class_is_told_so() -> None:
    """StyleGAN2-ADA, StyleGAN3 and EDM execute a source that is in the file: unsafe, by design."""
    found = judged(pickle(4, _persistent(_SOURCE))).findings
    assert [(one.rule, one.level) for one in found] == [("code-bearing", Level.UNSAFE)]


@pytest.mark.parametrize("line", ["os.system('true')", "import subprocess", "exec(x)", "__import__('x')"])
def test_a_source_that_starts_programs_is_an_attack(line: str) -> None:
    """No model's own module does."""
    assert level(judged(pickle(4, _persistent(_SOURCE + line)))) is Level.MALICIOUS


@pytest.mark.parametrize("module", ["dnnlib.tflib.network", "tfutil"])
def test_a_network_that_executes_its_state_carries_code(module: str) -> None:
    """``Network.__setstate__`` of StyleGAN2 and ProGAN executes ``build_module_src``."""
    made = new(module, "Network") + dict_(version=number(4), build_module_src=text(_SOURCE)) + BUILD
    found = judged(pickle(4, made)).findings
    assert {(one.rule, one.level) for one in found} == {("code-bearing", Level.UNSAFE)}


def test_a_call_of_the_command_line_of_lightning_is_unsafe() -> None:
    """Without arguments ``LightningCLI()`` imports and runs what the command line of the loader says."""
    assert level(judged(pickle(4, call("lightning.pytorch.cli", "LightningCLI")))) is Level.UNSAFE
