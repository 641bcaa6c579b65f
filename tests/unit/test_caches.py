"""Each tool's cache; and one file is enough to add a tool."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.watching import make_record

from picklewatch.core.model import Verdict
from picklewatch.scanning.display_names import describe, is_named_by_links, links_to
from picklewatch.service.outcome_log import _is_bookkeeping
from picklewatch.telemetry.health import Health
from picklewatch.watch import caches
from picklewatch.watch.cache_locations import own_caches
from picklewatch.watch.caches import is_bookkeeping, is_temporary
from picklewatch.watch.settle import DEFAULT_DELAYS, Look, Settle, Sign
from picklewatch.watch.supervisor import WatchSupervisor
from picklewatch.watch.timing import Timing

if TYPE_CHECKING:
    from collections.abc import Iterator

INVENTED = r'''
"""An invented tool."""

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    places=(CachePlace(label="Invented", variables=("INVENTED_HOME",), default="{cache}/invented"),),
    names=((r".*/invented/(?P<file>.+)", "invented: {file}"),),
    temporary=(r".+\.unfinished",),
    bookkeeping=(r".*/invented/index",),
    links_to=lambda path: ("/link",) if path.endswith("/invented/content") else None,
)
'''


def forget() -> None:
    """Make the registry look into its folder again."""
    for remembered in (caches.tools, caches.names, caches._temporary, caches._bookkeeping):
        remembered.cache_clear()


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One more file in the folder of tools."""
    (tmp_path / "invented.py").write_text(INVENTED)
    with monkeypatch.context() as patch:
        patch.setattr(caches, "__path__", [*caches.__path__, str(tmp_path)])
        forget()
        yield
    sys.modules.pop("picklewatch.watch.caches.invented", None)
    forget()


@pytest.mark.usefixtures("invented")
def test_one_file_is_enough_to_add_a_tool() -> None:
    """It is watched, named, its links are found, its downloads settle and its bookkeeping is no news."""
    places = {cache.tool: cache.path for cache in own_caches({"HOME": "/h", "INVENTED_HOME": "/big"})}
    assert places["Invented"] == Path("/big")
    assert describe("/h/invented/m.bin") == "invented: m.bin"
    assert links_to("/h/invented/content") == ("/link",)
    assert is_named_by_links("/h/invented/content")
    settle = Settle(is_temporary=is_temporary)
    settle.notice("/h/invented/m.bin.unfinished", Sign.CLOSED, 0.0)
    assert settle.wake_at() == DEFAULT_DELAYS.grace
    assert list(settle.due(DEFAULT_DELAYS.grace, lambda _path: Look(1, 1))) == ["/h/invented/m.bin.unfinished"]
    told = json.loads(json.dumps(make_record("/h/invented/index", None, Verdict.SKIPPED).to_json()))
    assert _is_bookkeeping(told)
    assert not _is_bookkeeping({**told, "path": "/h/invented/m.bin"})


def test_without_its_file_a_tool_is_unknown() -> None:
    """What the test above adds is not there otherwise."""
    assert "Invented" not in {cache.tool for cache in own_caches({"HOME": "/h"})}
    assert describe("/h/invented/m.bin") is None
    assert not is_temporary("m.bin.unfinished")


def test_the_tools_are_loaded_when_watching_is_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An upgrade that removes their files, or a lack of descriptors, must not make the first name fail."""
    forget()
    WatchSupervisor(
        lambda _candidates: (),
        Health(),
        canary=tmp_path / "canary",
        delays=DEFAULT_DELAYS,
        timing=Timing(),
        is_excluded=lambda _path: False,
    )
    with monkeypatch.context() as patch:
        patch.setattr(caches, "__path__", [str(tmp_path / "gone")])
        assert describe("/h/nltk_data/m.pickle") == "nltk: m.pickle"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/u/.cache/modelscope/hub/checkpoints/x.pt", "torch.hub: x.pt"),
        ("/u/.cache/modelscope/hub/models/org/name/hub/checkpoints/x.pt", "torch.hub: x.pt"),
        ("/u/.cache/clip/hub/checkpoints/x", "torch.hub: x"),
        ("/u/.cache/torch/hub/repo/nltk_data/a", "torch.hub repo: nltk_data/a"),
        ("/u/.keras/kagglehub/models/a/b/c/d/1/m", "kaggle a/b/c/d@1: m"),
        ("/u/.cache/clip/x/.cache/mim/m", "mim: m"),
        ("/u/.cache/mim/x/.cache/clip/m", "clip: m"),
        ("/u/.cache/clip/nltk_data/m", "clip: nltk_data/m"),
        ("/u/.cache/clip/models--x--y", None),
    ],
)
def test_of_caches_that_lie_in_each_other_one_gives_the_name(path: str, name: str | None) -> None:
    """The order is the tools' own, not that of their files' names; a repository itself has no name."""
    assert describe(path) == name


def test_a_shared_directory_gets_the_label_of_the_tool_of_the_lowest_rank() -> None:
    """Hugging Face and torch come first."""
    found = own_caches({"HOME": "/h", "FASTAI_HOME": "/big", "TORCH_HOME": "/big", "DEEPFACE_HOME": "/h"})
    assert [cache.tool for cache in found if cache.path == Path("/big")] == ["PyTorch"]
    assert [cache.tool for cache in found[:3]] == ["Hugging Face", "Hugging Face hub", "Hugging Face assets"]
    ranks = [tool.rank for tool in caches.tools() if tool.places]
    assert len(set(ranks)) == len(ranks)


def test_no_two_tools_claim_one_place() -> None:
    """A label names one place, and a base one directory."""
    places = [place for tool in caches.tools() for place in tool.places]
    assert len({place.label for place in places}) == len(places)
    bases = [place.base for place in places if place.base]
    assert len(set(bases)) == len(bases)


@pytest.mark.parametrize(
    ("path", "is_own"),
    [
        ("/h/hub/models--o--m/refs/main", True),
        ("/h/hub/models--o--m/.no_exist/0123/x.bin", True),
        ("/h/hub/models--o--m/blobs/0123", False),
        ("/h/hub/models--o--m/snapshots/0123/x.bin", False),
        ("/h/hub/.locks/models--o--m/0123.lock", True),
        ("/d/.cache/huggingface/download/x.bin.metadata", True),
        ("/d/.cache/huggingface/.gitignore", True),
        ("/h/hub/CACHEDIR.TAG", True),
        ("/h/.cache/torch/hub/trusted_list", True),
        ("/h/.cache/torch/hub/checkpoints/x.pth", False),
    ],
)
def test_bookkeeping(path: str, *, is_own: bool) -> None:
    """The files that clients keep beside the models, and the models."""
    assert is_bookkeeping(path) is is_own


@pytest.mark.parametrize(
    ("path", "temporary"),
    [
        ("/h/blobs/4f.12345678.incomplete", True),
        ("/t/resnet.pth.0a1b2c3d.partial", True),
        ("/d/tmp_5b2c11f0-8e1b-4b0e-9f51-6d1cf1a2b3c4", True),
        ("/d/.model.bin.a8Xq2Z", True),
        ("/o/sha256-aabb-partial", True),
        ("/o/sha256-aabb-partial-3", True),
        ("/m/pytorch_model.bin", False),
        ("/h/blobs/4f2a", False),
        ("/incomplete/model.pt", False),
        ("/m/.hidden", False),
    ],
)
def test_temporary_names(path: str, *, temporary: bool) -> None:
    """The names that known downloaders rename in the end, and names that only resemble them."""
    assert is_temporary(path.rpartition("/")[2]) is temporary
