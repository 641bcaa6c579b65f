"""Settings for every test."""

from __future__ import annotations

import os
import signal
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Neither an example nor their making is judged by a clock: how long both take says how busy the machine is. A check of
# a change (CI) tries the same examples every time, so that what is red there is red because of the change.
settings.register_profile(
    "picklewatch",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    print_blob=True,
    **({} if os.access(".", os.W_OK) else {"database": None}),  # another user's checkout keeps no examples
)
settings.load_profile("picklewatch")


@pytest.fixture(scope="session", autouse=True)
def _no_state_of_the_machine() -> Iterator[None]:
    """A daemon of this machine may have a state, which commands would read."""
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setenv("STATE_DIRECTORY", f"{directory}/none")
        yield


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> None:
    """A shell starts what runs in the background deaf to it, and all that starts from there."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
