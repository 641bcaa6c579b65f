"""Who is on the machine: those whom the user database lists, and those who are found all the same."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest
from support.vaulting import root_only

from picklewatch.access import people
from picklewatch.access.people import Whereabouts, find_unlisted, note_found
from picklewatch.watch.cache_locations import discover, named, watches_everyone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADA, BO, EVE = 20_001, 20_002, 20_003


def entry(name: str, uid: int, home: str) -> pwd.struct_passwd:
    """A line of the user database."""
    return pwd.struct_passwd((name, "x", uid, uid, "", home, "/bin/sh"))


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Homes of ada, whom the database lists, and of bo, of whom it knows only when asked; eve's nobody knows."""
    homes = tmp_path / "homes"
    homes.mkdir(mode=0o755)
    for name, uid in (("ada", ADA), ("bo", BO), ("eve", EVE), ("service", 500)):
        (homes / name).mkdir()
        os.chown(homes / name, uid, uid)
    users = [entry("root", 0, "/root"), entry("ada", ADA, f"{homes}/ada")]
    unlisted = entry("bo", BO, f"{homes}/bo")

    def by_uid(uid: int) -> pwd.struct_passwd:
        return {user.pw_uid: user for user in (*users, unlisted)}[uid]

    def by_name(name: str) -> pwd.struct_passwd:
        return {user.pw_name: user for user in (*users, unlisted)}[name]

    monkeypatch.setattr(people, "LOGINS", str(tmp_path / "logins"))
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    monkeypatch.setattr(pwd, "getpwuid", by_uid)
    monkeypatch.setattr(pwd, "getpwnam", by_name)
    yield homes
    note_found(())


def found(where: Whereabouts = Whereabouts(), *, looking: bool = True) -> set[tuple[str, int, str]]:  # noqa: B008
    """The names, ids and last parts of homes of those who are found."""
    return {
        (user.pw_name, user.pw_uid, os.path.basename(user.pw_dir))  # noqa: PTH119
        for user in find_unlisted(where, looking=looking)
        if user.pw_uid in (ADA, BO, EVE, 500)
    }


@root_only
@pytest.mark.usefixtures("homes")
def test_homes_beside_those_of_known_users_are_found() -> None:
    """Whether or not the directory service says whose they are."""
    assert found() == {("bo", BO, "bo"), ("eve", EVE, "eve")}
    assert found(looking=False) == set()


@root_only
def test_homes_are_not_looked_for_where_anybody_may_make_them(homes: Path) -> None:
    """A test account with its home in /tmp does not make homes of all that is there."""
    homes.chmod(0o1777)
    assert found() == set()


@root_only
def test_who_is_logged_in_is_found_wherever_the_home_is(homes: Path, tmp_path: Path) -> None:
    """pam_systemd makes a directory for everybody; their homes' neighbours are found with them."""
    homes.chmod(0o1777)
    (tmp_path / "logins" / str(BO)).mkdir(parents=True)
    assert found() == {("bo", BO, "bo")}


@root_only
def test_the_configuration_names_users_and_homes(homes: Path) -> None:
    """A service's home, and one of somebody who has another, too."""
    os.chown(homes / "eve", ADA, ADA)
    assert found(Whereabouts(names=("bo", "nobody-is-called-so")), looking=False) == {("bo", BO, "bo")}
    by_pattern = found(Whereabouts(homes=(f"{homes}/*e",)), looking=False)
    assert by_pattern == {("ada", ADA, "eve"), ("service", 500, "service")}


@root_only
def test_their_caches_are_watched(homes: Path) -> None:
    """With everybody's; where only this user's are wanted, those whom the configuration names."""
    note_found(find_unlisted(Whereabouts(), looking=True))
    caches = {str(cache.path) for cache in discover(users=("all", "bo"), environ={"HOME": "/h"})}
    assert {f"{homes}/{name}/.cache/torch" for name in ("ada", "bo", "eve")} <= caches
    note_found(find_unlisted(Whereabouts(names=("bo",)), looking=False))
    caches = {str(cache.path) for cache in discover(users=("self", "bo"), environ={"HOME": "/h"})}
    assert f"{homes}/bo/.cache/torch" in caches
    assert f"{homes}/ada/.cache/torch" not in caches


def test_a_list_of_users_adds_to_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming one must not leave out all others."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert watches_everyone(("ada",))
    assert not watches_everyone(("self", "ada"))
    assert named(("self", "ada", "all")) == ("ada",)
    assert named("all") == ()
