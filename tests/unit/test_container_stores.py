"""Where containers keep files is named as not watched; nothing in there is judged by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from picklewatch.telemetry.root_state import CONFIGURATION, RootState
from picklewatch.watch.container_stores import container_stores
from picklewatch.watch.roots import Root, find

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_a_store_is_named_unless_a_root_covers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do; a single volume that is watched leaves the others unwatched."""
    monkeypatch.setenv("HOME", str(tmp_path))
    store = tmp_path / ".local/share/containers/storage"
    assert str(store) not in [root.wanted for root in container_stores("self", ())]
    volume = store / "volumes/hub/_data"
    volume.mkdir(parents=True)

    def named(*planned: Path, users: str = "self") -> list[Root]:
        roots = [Root(str(path), CONFIGURATION) for path in planned]
        find(roots)
        return [root for root in container_stores(users, roots) if root.wanted == str(store)]

    for (root,) in (named(), named(volume), named(users="all")):
        assert "watch.roots" in root.reason
        assert (root.state, root.path) == (RootState.WAITING, None)
    assert named(store) == named(tmp_path) == []
