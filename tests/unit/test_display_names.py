"""Human names for the paths of caches."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from picklewatch.scanning.display_names import describe, is_named_by_links, links_to
from picklewatch.watch.caches import huggingface

REVISION = "0123456789abcdef0123456789abcdef01234567"
OLDER = "f" * 40


class Hub:
    """A Hugging Face cache, laid out as the client does it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, repository: str, etag: str, *files: str, revision: str = REVISION, ref: str | None = "main") -> str:
        """Add a blob and the snapshot links that lead to it; return the blob's path."""
        folder = self.root / repository
        blob = folder / "blobs" / etag
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(b"content")
        for file in files:
            link = folder / "snapshots" / revision / file
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
        if ref is not None:
            (folder / "refs" / ref).parent.mkdir(parents=True, exist_ok=True)
            (folder / "refs" / ref).write_text(revision)
        return str(blob)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """An empty cache."""
    return Hub(tmp_path / "hub")


def test_a_blob_is_named_by_the_snapshot_that_leads_to_it(hub: Hub) -> None:
    """With the branch, not the hash, where there is one."""
    blob = hub.add("models--org--model", "abc123", "pytorch_model.bin")
    assert describe(blob) == "org/model@main: pytorch_model.bin"
    assert links_to(blob) == (f"{hub.root}/models--org--model/snapshots/{REVISION}/pytorch_model.bin",)


def test_files_in_folders_and_repositories_without_owner(hub: Hub) -> None:
    """The whole path in the repository is shown."""
    assert describe(hub.add("models--gpt2", "a", "onnx/model.bin")) == "gpt2@main: onnx/model.bin"


def test_datasets_and_spaces_say_so(hub: Hub) -> None:
    """As the hub's own addresses do."""
    assert describe(hub.add("datasets--org--d", "a", "x.pkl")) == "datasets/org/d@main: x.pkl"
    assert describe(hub.add("spaces--org--s", "a", "x.pkl")) == "spaces/org/s@main: x.pkl"


def test_a_revision_without_a_name_is_shortened(hub: Hub) -> None:
    """Seven digits, as git does."""
    assert describe(hub.add("models--o--m", "a", "x.bin", ref=None)) == "o/m@0123456: x.bin"


def test_pull_request_references_keep_their_path(hub: Hub) -> None:
    """``refs/pr/1`` is the reference ``pr/1``."""
    assert describe(hub.add("models--o--m", "a", "x.bin", ref="pr/1")) == "o/m@refs/pr/1: x.bin".replace("refs/", "")


def test_of_several_links_the_main_branch_names_the_content(hub: Hub) -> None:
    """All of them are listed, the best first."""
    hub.add("models--o--m", "a", "old.bin", revision=OLDER, ref=None)
    blob = hub.add("models--o--m", "a", "new.bin", "copy.bin")
    assert describe(blob) == "o/m@main: copy.bin"
    assert [path.rsplit("/", 1)[1] for path in links_to(blob)] == ["copy.bin", "new.bin", "old.bin"]


def test_a_blob_without_a_link_yet_is_named_by_its_repository(hub: Hub) -> None:
    """The link appears a moment after the blob; an unfinished download has none."""
    blob = hub.add("models--o--m", "0123456789abcdef")
    assert describe(blob) == "o/m: blob 0123456789ab"
    assert describe(f"{blob}.1a2b3c4d.incomplete") == "o/m: blob 0123456789ab (being downloaded)"
    assert links_to(blob) == ()
    assert is_named_by_links(blob)
    assert not is_named_by_links("/h/.ollama/models/blobs/sha256-0123456789abcdef")


def test_a_link_made_later_is_found_although_links_are_remembered(hub: Hub) -> None:
    """What is remembered counts only while no directory changed."""
    blob = hub.add("models--o--m", "a", "one.bin")
    assert len(links_to(blob)) == 1
    for number in range(5):
        hub.add("models--o--m", f"b{number}", f"sub/{number}.bin")
        other = hub.add("models--o--m", f"c{number}", f"{number}.bin")
        assert describe(other) == f"o/m@main: {number}.bin"
    assert len(links_to(blob)) == 1


def test_a_snapshot_path_names_itself(hub: Hub) -> None:
    """Also a real file, where links can't be made."""
    hub.add("models--o--m", "a", "x.bin")
    path = f"{hub.root}/models--o--m/snapshots/{REVISION}/x.bin"
    assert describe(path) == "o/m@main: x.bin"


def test_the_shared_store_is_searched_for_what_leads_to_it(hub: Hub) -> None:
    """With Xet a repository's blob is a link into the store of all repositories."""
    content = hub.root / "blobs/ab" / ("ab" * 32)
    content.parent.mkdir(parents=True)
    content.write_bytes(b"content")
    blob = Path(hub.add("models--o--m", "etag", "x.bin"))
    blob.unlink()
    blob.symlink_to(os.path.relpath(content, blob.parent))
    assert describe(str(content)) == "o/m@main: x.bin"
    assert links_to(str(content)) == (f"{hub.root}/models--o--m/snapshots/{REVISION}/x.bin",)


def test_a_local_directory_is_named_with_the_commit_it_came_from(tmp_path: Path) -> None:
    """``hf download --local-dir`` leaves bookkeeping there."""
    (tmp_path / "gpt2/onnx").mkdir(parents=True)
    metadata = tmp_path / "gpt2/.cache/huggingface/download/onnx/model.bin.metadata"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"{REVISION}\netag\n1.0\n")
    assert describe(str(tmp_path / "gpt2/onnx/model.bin")) == "gpt2@0123456: onnx/model.bin"
    assert describe(str(tmp_path / "gpt2/other.bin")) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/h/.cache/torch/hub/checkpoints/resnet18-f37072fd.pth", "torch.hub: resnet18-f37072fd.pth"),
        ("/elsewhere/hub/checkpoints/x.pth", "torch.hub: x.pth"),
        ("/h/.cache/torch/hub/pytorch_vision_main/hubconf.py", "torch.hub pytorch_vision_main: hubconf.py"),
        ("/h/.cache/torch/sentence_transformers/o_m/w.bin", "sentence-transformers o_m: w.bin"),
        ("/h/.cache/modelscope/hub/models/qwen/Qwen-7B/a/model.bin", "modelscope qwen/Qwen-7B: a/model.bin"),
        ("/h/.cache/modelscope/hub/qwen/Qwen-7B/model.bin", "modelscope qwen/Qwen-7B: model.bin"),
        ("/h/.cache/kagglehub/models/google/bert/keras/base/3/m.h5", "kaggle google/bert/keras/base@3: m.h5"),
        ("/h/.cache/kagglehub/datasets/a/b/versions/2/x.pkl", "kaggle datasets/a/b@2: x.pkl"),
        ("/h/.keras/models/vgg.h5", "keras: vgg.h5"),
        ("/h/.cache/whisper/tiny.pt", "whisper: tiny.pt"),
        ("/h/nltk_data/tokenizers/punkt/english.pickle", "nltk: tokenizers/punkt/english.pickle"),
        ("/h/.ollama/models/blobs/sha256-0123456789abcdef", "ollama: 0123456789ab…"),
        ("/h/.cache/clip/models--o--m/snapshots/0123456789/x.bin", "o/m@0123456: x.bin"),
        ("/h/models/mine.pt", None),
        ("/models--x", None),
        ("", None),
    ],
)
def test_other_caches_by_their_layout(path: str, name: str | None) -> None:
    """No file needs to exist for that."""
    assert describe(path) == name


def test_a_hostile_repository_cannot_block_or_exhaust(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A FIFO as reference is not waited for, and only so many entries are looked at."""
    blob = hub.add("models--o--m", "a", *(f"{number}.bin" for number in range(50)), ref=None)
    os.mkfifo(hub.root / "models--o--m/fifo")
    (hub.root / "models--o--m/refs").mkdir()
    os.mkfifo(hub.root / "models--o--m/refs/main")
    assert describe(blob) == "o/m@0123456: 0.bin"
    monkeypatch.setattr(huggingface, "MAX_ENTRIES", 10)
    huggingface._indexes.clear()
    assert len(links_to(blob)) <= 10


def test_names_that_are_not_utf8_survive(hub: Hub) -> None:
    """They are escaped where they are shown, not here."""
    blob = hub.add("models--o--m", "a", os.fsdecode(b"\xff\n.bin"))
    assert describe(blob) == "o/m@main: \udcff\n.bin"


def test_only_so_many_repositories_are_remembered(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large cache does not grow the daemon."""
    monkeypatch.setattr(huggingface, "MAX_INDEXES", 3)
    for number in range(6):
        describe(hub.add(f"models--o--m{number}", "a", "x.bin"))
    assert len(huggingface._indexes) <= 3
