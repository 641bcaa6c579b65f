"""The real huggingface_hub downloads into a guarded cache, and opens what it has at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from e2e.daemon import environment
from samples.hub import hub
from samples.torch_checkpoint import checkpoint, torch_zip
from support.guarding import Guard, disk
from support.watching import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

MODELS = 100
_CLIENT = """
import json, sys, huggingface_hub
counts = {}
for kind in ("hostile", "benign"):
    for number in range(int(sys.argv[1])):
        path = huggingface_hub.hf_hub_download(f"{kind}/m{number}", "pytorch_model.bin")
        try:
            with open(path, "rb", 0) as file:
                file.read()
            result = "read"
        except PermissionError:
            result = "refused"
        counts[f"{kind} {result}"] = counts.get(f"{kind} {result}", 0) + 1
print(json.dumps(counts))
"""


def contents(number: int) -> dict[str, bytes]:
    """Return the files of the repositories *number*, by kind; no two have the same content."""
    hostile = torch_zip(b"\x80\x02cposix\nsystem\nX\x04\x00\x00\x00true\x85R.", {"0": number.to_bytes(64, "little")})
    return {"hostile": hostile, "benign": checkpoint({"weight": [float(number), 1.0]})}


def test_no_hostile_download_is_opened(tmp_path: Path) -> None:
    """A hundred hostile models are refused, a hundred benign ones are read; every download itself works."""
    repositories = {
        f"{kind}/m{number}": {"pytorch_model.bin": content}
        for number in range(MODELS)
        for kind, content in contents(number).items()
    }
    with disk(tmp_path) as mounted, hub(repositories) as served:
        cache = mounted / "huggingface"
        with Guard(tmp_path, cache):
            env = environment(tmp_path, HF_HOME=str(cache), HF_ENDPOINT=served.url, HF_HUB_DISABLE_TELEMETRY="1")
            command = [sys.executable, "-c", _CLIENT, str(MODELS)]
            done = subprocess.run(command, env=env, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"hostile refused": MODELS, "benign read": MODELS}
