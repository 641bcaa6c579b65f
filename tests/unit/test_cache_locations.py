"""Finding the caches of model tools."""

from __future__ import annotations

import pwd
from pathlib import Path

import pytest

from picklewatch.access.people import people
from picklewatch.watch import caches
from picklewatch.watch.cache_locations import discover, own_caches, user_caches, watches_everyone
from picklewatch.watch.roots import topmost

HOME = {"HOME": "/home/ada"}


def paths(environ: dict[str, str]) -> dict[str, Path]:
    """Return tool → path."""
    return {cache.tool: cache.path for cache in own_caches(environ)}


def test_defaults_are_below_the_home_directory() -> None:
    """Without any variable."""
    found = paths(HOME)
    assert found["Hugging Face"] == Path("/home/ada/.cache/huggingface")
    assert found["Hugging Face hub"] == Path("/home/ada/.cache/huggingface/hub")
    assert found["PyTorch"] == Path("/home/ada/.cache/torch")
    assert found["ModelScope"] == Path("/home/ada/.cache/modelscope")
    assert found["Keras"] == Path("/home/ada/.keras")
    assert found["Ollama"] == Path("/home/ada/.ollama/models")


@pytest.mark.parametrize(
    ("environ", "tool", "path"),
    [
        ({"XDG_CACHE_HOME": "/c"}, "Hugging Face hub", "/c/huggingface/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "PyTorch", "/c/torch"),
        ({"XDG_CACHE_HOME": "/c"}, "Kaggle Hub", "/home/ada/.cache/kagglehub"),
        ({"HF_HOME": "/hf"}, "Hugging Face hub", "/hf/hub"),
        ({"HF_HOME": "~/hf"}, "Hugging Face modules", "/home/ada/hf/modules"),
        ({"HF_HOME": "$SCRATCH/hf", "SCRATCH": "/scratch"}, "Hugging Face hub", "/scratch/hf/hub"),
        ({"HF_HOME": "${SCRATCH}/hf", "SCRATCH": "/scratch"}, "Hugging Face", "/scratch/hf"),
        ({"HF_HOME": "/hf", "HF_HUB_CACHE": "/hub"}, "Hugging Face hub", "/hub"),
        ({"HUGGINGFACE_HUB_CACHE": "/old"}, "Hugging Face hub", "/old"),
        ({"HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/new"}, "Hugging Face hub", "/new"),
        ({"HF_XET_CACHE": "/x"}, "Hugging Face Xet", "/x"),
        ({"TORCH_HOME": "/t/../torch"}, "PyTorch", "/torch"),
        ({"DEEPFACE_HOME": "/d"}, "DeepFace", "/d/.deepface"),
        ({"NLTK_DATA": "/n1:/n2"}, "NLTK", "/n1"),
        ({"MODELSCOPE_CACHE": ""}, "ModelScope", "/home/ada/.cache/modelscope"),
    ],
)
def test_environment_variables_move_a_cache_as_its_tool_would(environ: dict[str, str], tool: str, path: str) -> None:
    """The most important variable wins, and is named as the source; an empty one counts for nothing."""
    assert paths({**HOME, **environ})[tool] == Path(path)


def test_the_source_of_a_place_is_named() -> None:
    """``doctor`` shows why a directory is watched."""
    sources = {cache.tool: cache.source for cache in own_caches({**HOME, "TORCH_HOME": "/t"})}
    assert sources["PyTorch"] == "TORCH_HOME"
    assert sources["Keras"] == "default"


def test_a_relative_place_is_left_out() -> None:
    """It means another directory wherever the tool is started."""
    assert "PyTorch" not in paths({**HOME, "TORCH_HOME": "models"})


def test_the_real_client_agrees(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folders that huggingface_hub computes from the environment are watched."""
    import importlib

    from huggingface_hub import constants

    for environ in ({}, {"HF_HOME": str(tmp_path / "a")}, {"XDG_CACHE_HOME": str(tmp_path / "b")}):
        with monkeypatch.context() as patch:
            for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
                patch.delenv(name, raising=False)
            patch.setenv("HOME", "/home/ada")
            for name, value in environ.items():
                patch.setenv(name, value)
            theirs = importlib.reload(constants)
            ours = paths({**HOME, **environ})
            assert Path(theirs.HF_HUB_CACHE) == ours["Hugging Face hub"]
            assert Path(theirs.HF_HOME) == ours["Hugging Face"]
            assert Path(theirs.HF_XET_CACHE) == ours["Hugging Face Xet"]
            assert Path(theirs.HF_ASSETS_CACHE) == ours["Hugging Face assets"]
    importlib.reload(constants)


def entry(name: str, uid: int, home: str) -> pwd.struct_passwd:
    """Make an entry of the password database."""
    return pwd.struct_passwd((name, "x", uid, uid, "", home, "/bin/sh"))


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password database with root, services, people and nobody."""
    entries = [
        entry("bob", 1001, "/home/bob"),
        entry("root", 0, "/root"),
        entry("daemon", 1, "/usr/sbin"),
        entry("ada", 1000, "/home/ada"),
        entry("twin", 1002, "/home/ada"),
        entry("nobody", 65534, "/nonexistent"),
        entry("sync", 1003, "/"),
    ]
    monkeypatch.setattr(pwd, "getpwall", lambda: entries)


@pytest.mark.usefixtures("users")
def test_people_are_root_and_those_with_a_real_home() -> None:
    """Services and nobody are not; a home shared by two counts once."""
    assert [user.pw_name for user in people()] == ["root", "ada", "bob"]


@pytest.mark.usefixtures("users")
def test_a_system_daemon_finds_everybodys_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own environment counts for its own user only."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    listed = discover(environ={"HOME": "/root", "HF_HOME": "/hf"})
    assert listed[0].path == Path("/hf")
    found = {(cache.user, cache.tool): cache.path for cache in listed}
    assert found["root", "Hugging Face"] == Path("/root/.cache/huggingface")
    assert found["bob", "Hugging Face"] == Path("/home/bob/.cache/huggingface")
    assert found["ada", "PyTorch"] == Path("/home/ada/.cache/torch")
    assert ("system", "Ollama (service)") in found


@pytest.mark.usefixtures("users")
def test_a_person_finds_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless the configuration asks for all."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(pwd, "getpwuid", lambda _uid: entry("ada", 1000, "/home/ada"))
    assert {cache.user for cache in discover(environ={})} == {"ada"}
    assert "bob" in {cache.user for cache in discover(users="all", environ={})}
    assert not watches_everyone("auto")
    assert not watches_everyone("self")


def test_no_path_is_listed_twice() -> None:
    """Two tools may share a directory."""
    found = [cache.path for cache in user_caches(entry("ada", 1000, "/home/ada"))]
    assert len(found) == len(set(found))


def test_a_path_in_another_need_not_be_watched() -> None:
    """Watching is recursive; siblings with a common prefix are not below each other."""
    assert topmost(["/a/b/c", "/a/b", "/a/bc", "/d", "/d"]) == ["/a/b", "/a/bc", "/d"]


@pytest.mark.usefixtures("users")
def test_the_daemon_is_given_the_outermost_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub is in the home of Hugging Face, unless a variable moves it away."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert Path("/h/.cache/huggingface/hub") not in {cache.path for cache in discover(environ={"HOME": "/h"})}
    moved = {cache.path for cache in discover(environ={"HOME": "/h", "HF_HUB_CACHE": "/big/hub"})}
    assert {Path("/h/.cache/huggingface"), Path("/big/hub")} <= moved


def test_whether_a_cache_exists_is_asked_when_it_matters(tmp_path: Path) -> None:
    """One that is made later is found to exist then."""
    (cache,) = [c for c in own_caches({"HOME": str(tmp_path)}) if c.tool == "PyTorch"]
    assert not cache.exists
    (tmp_path / ".cache/torch").mkdir(parents=True)
    assert cache.exists


def test_every_place_is_well_formed() -> None:
    """A default is absolute once the bases are filled in."""
    for place in (place for tool in caches.tools() for place in tool.places):
        filled = place.default.format(home="/h", cache="/h/.cache", data="/h/d", config="/h/c", hf="/h/hf")
        assert filled.startswith("/")
        assert place.label
