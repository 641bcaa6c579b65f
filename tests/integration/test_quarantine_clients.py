"""Real clients and loaders meet a tombstone."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from samples.hub import Hub, hub
from support.vaulting import CONTENT, SHA256
from support.watching import named

from picklewatch.core.model import FileId, Verdict
from picklewatch.core.tombstone import tombstone
from picklewatch.quarantine.vault import Item, Suspect, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "3f2a9c0b12de"
MODEL = "model.bin"


def load(tmp_path: Path, code: str) -> str:
    """Load a tombstone in a process of its own with *code*; return what it wrote."""
    file = tmp_path / "file"
    file.write_bytes(tombstone(ID))
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("pickle", "pickle.load(open(sys.argv[1], 'rb'))"),
        ("joblib", "joblib.load(sys.argv[1])"),
        ("pandas", "pandas.read_pickle(sys.argv[1])"),
        ("numpy", "numpy.load(sys.argv[1], allow_pickle=True)"),
        pytest.param("torch", "torch.load(sys.argv[1], weights_only=True)", marks=pytest.mark.torch),
        pytest.param("torch", "torch.load(sys.argv[1], weights_only=False)", marks=pytest.mark.torch),
    ],
)
def test_loaders_name_the_command(tmp_path: Path, module: str, code: str) -> None:
    """Loading a tombstone fails, and the words that come say what happened and what to run."""
    pytest.importorskip(module)
    told = load(tmp_path, f"import sys, {module}\n{code}")
    assert f"QUARANTINED BY picklewatch (run: picklewatch quarantine show {ID})" in told


@pytest.fixture
def served() -> Iterator[Hub]:
    """Give a hub with one hostile model."""
    pytest.importorskip("huggingface_hub")
    with hub({"org/model": {MODEL: CONTENT}}) as running:
        yield running


class Researcher:
    """Somebody who downloads a model with the real client."""

    def __init__(self, home: Path, served: Hub) -> None:
        self._home, self._served = home, served
        self.cache = home / "hub"

    def download(self, *, offline: bool = False, force: bool = False) -> Path:
        """Get the model as programs do."""
        code = f"import huggingface_hub as h; print(h.hf_hub_download('org/model', {MODEL!r}, force_download={force}))"
        env = {
            **os.environ,
            "HF_HOME": str(self._home),
            "HF_ENDPOINT": self._served.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": str(int(offline)),
        }
        env.pop("HF_HUB_CACHE", None)
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
        return Path(done.stdout.strip())

    def scan(self) -> bool:
        """Say whether the client itself finds its cache in order."""
        from huggingface_hub import scan_cache_dir

        return not scan_cache_dir(self.cache).warnings


def take(vault: Vault, researcher: Researcher, link: Path) -> Item:
    """Do what the daemon does with a hostile blob."""
    blob = link.resolve()
    with ExitStack() as stack:
        fd = os.open(blob, os.O_RDONLY)
        stack.callback(os.close, fd)
        suspect = Suspect(
            trees=(named(researcher.cache),),
            relative=str(blob.relative_to(researcher.cache.resolve())),
            fd=fd,
            scanned=FileId.of(os.fstat(fd)),
            verdict=Verdict.MALICIOUS,
            sha256=SHA256,
            names=(str(link),),
        )
        return vault.quarantine(suspect)


def test_the_blob_moves_and_nothing_is_downloaded_again(tmp_path: Path, served: Hub) -> None:
    """The snapshot's link leads to the tombstone; online and offline the client is content, and loading fails."""
    researcher = Researcher(tmp_path / "hf", served)
    link = researcher.download()
    assert link.is_symlink()
    with Vault(tmp_path / "vault") as vault:
        item = take(vault, researcher, link)
        assert item.names == (str(link),)
        before = served.downloads(MODEL)
        for offline in (False, True):
            assert researcher.download(offline=offline) == link
            with link.open("rb") as file, pytest.raises(ModuleNotFoundError, match=item.id):
                pickle.load(file)
        assert served.downloads(MODEL) == before
        assert researcher.scan()
        vault.restore(item.id, lambda _sha256, _reason, _size: None)
        assert link.read_bytes() == CONTENT
        assert researcher.download() == link


def test_a_forced_download_is_caught_again_and_counted(tmp_path: Path, served: Hub) -> None:
    """``force_download`` brings the same content back: it is taken again, one copy is kept, and the count tells."""
    researcher = Researcher(tmp_path / "hf", served)
    with Vault(tmp_path / "vault") as vault:
        for times in (1, 2, 3):
            link = researcher.download(force=times > 1)
            assert link.read_bytes() == CONTENT
            item = take(vault, researcher, link)
            assert item.times == times
            assert [held.id for held in vault.items()] == [item.id]
            assert link.resolve().read_bytes() == tombstone(item.id)
        assert served.downloads(MODEL) == 3
