"""The way to a directory or a file, link by link, with the rights of those whose links they are."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.vaulting import root_only

from picklewatch.access.following import Links, NotFollowedError, Way
from picklewatch.access.ownership import Tree, why_not_moved
from picklewatch.access.rights import User

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADA, _BOB = User(12346, name="ada"), User(12347, name="bob")


@pytest.fixture
def base() -> Iterator[Path]:
    """Give a directory that all users can reach."""
    with open_directory() as directory:
        yield directory


def own(path: Path, user: User) -> Path:
    """Give *path* itself, made as a directory if it is missing, to *user*."""
    if not os.path.lexists(path):
        path.mkdir()
    os.lchown(path, user.uid, user.uid)
    return path


def link(path: Path, target: object, user: User) -> Path:
    """Make a link of *user*'s."""
    path.symlink_to(str(target))
    return own(path, user)


def leads(path: Path, asker: User | None = _ADA, links: Links = Links.LEADING) -> str:
    """Return where *path* leads."""
    with Way(asker, links) as way:
        way.go(str(path))
        return way.path


def test_a_path_without_links_leads_to_itself(base: Path) -> None:
    """Whatever its spelling."""
    (base / "a/b").mkdir(parents=True)
    assert leads(base / "a/./b/../b", None) == str(base / "a/b")
    assert leads(Path("/"), None) == "/"


def test_nothing_and_files_on_the_way_are_told_apart(base: Path) -> None:
    """By the system's own errors."""
    (base / "file").touch()
    with pytest.raises(FileNotFoundError):
        leads(base / "none", None)
    for name in ("file/x", "file/.."):
        with pytest.raises(NotADirectoryError):
            leads(Path(f"{base}/{name}"), None)


def test_circles_and_towers_end(base: Path) -> None:
    """After as many links, or components, as the kernel follows."""
    (base / "one").symlink_to("two")
    (base / "two").symlink_to("one")
    with pytest.raises(OSError, check=lambda error: error.errno == errno.ELOOP):
        leads(base / "one", None)
    (base / "d").mkdir()
    (base / "l0").symlink_to("d")
    for number in range(1, 12):
        (base / f"l{number}").symlink_to("/".join([f"../{base.name}/l{number - 1}"] * 1 + [f"../l{number - 1}"] * 9))
    with pytest.raises(OSError, check=lambda error: error.errno in (errno.ELOOP, errno.ENAMETOOLONG)):
        leads(base / "l11", None)


def test_no_link_is_followed_where_none_is_wanted(base: Path) -> None:
    """Wherever it is on the way."""
    (base / "d/e").mkdir(parents=True)
    (base / "l").symlink_to("d")
    for path in ("l", "l/e"):
        with pytest.raises(OSError, check=lambda error: error.errno == errno.ELOOP):
            leads(base / path, None, Links.NONE)


@root_only
def test_own_links_lead_to_what_is_owned_or_may_be_written(base: Path) -> None:
    """And no further."""
    home = own(base / "home", _ADA)
    own(base / "disk", _ADA)
    shared = base / "shared"
    shared.mkdir()
    os.chown(shared, 0, _ADA.uid)
    ada = User(_ADA.uid, frozenset({_ADA.uid}), "ada")
    link(home / "disk", "../disk", _ADA)
    link(home / "chain", "disk", _ADA)
    link(home / "shared", base / "shared", _ADA)
    assert leads(home / "disk") == leads(home / "chain") == str(base / "disk")
    shared.chmod(0o755)
    with pytest.raises(NotFollowedError, match="neither owns nor may write to"):
        leads(home / "shared", ada)
    shared.chmod(0o775)
    with Way(None, Links.LEADING) as way, pytest.raises(NotFollowedError):  # user 12346 is in no group here
        way.go(str(home / "shared"))


@root_only
def test_the_way_to_the_target_must_be_open(base: Path) -> None:
    """A directory that the link's owner can't enter hides what is below it, though that is theirs."""
    home, closed = own(base / "home", _ADA), base / "closed"
    closed.mkdir(mode=0o700)
    own(closed / "disk", _ADA)
    link(home / "disk", closed / "disk", _ADA)
    with pytest.raises(NotFollowedError, match="can't be entered by"):
        leads(home / "disk")


@root_only
@pytest.mark.parametrize("by", [User(0), _BOB])
def test_links_of_others_in_a_users_directory(base: Path, by: User) -> None:
    """They may have been renamed, or linked, to be there."""
    home = own(base / "home", _ADA)
    own(base / "disk", _ADA)
    link(home / "disk", "../disk", by)
    for asker in (_ADA, None):
        with pytest.raises(NotFollowedError, match="it is a link of"):
            leads(home / "disk", asker)


@root_only
def test_a_link_with_a_second_name_is_nobodys_word(base: Path) -> None:
    """Where the kernel lets everybody link everything, its owner need not have put it there."""
    home = own(base / "home", _ADA)
    own(base / "disk", _ADA)
    os.link(link(base / "first", "disk", _ADA), home / "second", follow_symlinks=False)
    with pytest.raises(NotFollowedError, match="several names"):
        leads(home / "second")


@root_only
def test_the_administrators_links_are_followed(base: Path) -> None:
    """Root's, where nobody else could have put them; then the user's rights count again."""
    (base / "homes").symlink_to("real")
    own(own(base / "real", User(0)) / "ada", _ADA)
    assert leads(base / "homes/ada") == str(base / "real/ada")


@root_only
def test_everything_counts_that_leads_to_a_file(base: Path) -> None:
    """The cache's owner and the link's must both be able to read it."""
    home = own(base / "home", _ADA)
    secret = base / "secret"
    secret.touch()
    for owner, mode, by, readable in (
        (_ADA, 0o600, _ADA, True),
        (_ADA, 0o600, _BOB, False),
        (_BOB, 0o600, _BOB, False),
        (_BOB, 0o604, _BOB, True),
        (User(0), 0o600, _ADA, False),
    ):
        own(secret, owner)
        secret.chmod(mode)
        link(home / "l", secret, by)
        with Way(_ADA, Links.ANY) as way:
            way.go(str(home / "l"))
            if readable:
                way.check_readable()
            else:
                with pytest.raises(NotFollowedError, match="may not be read by"):
                    way.check_readable()
        (home / "l").unlink()


@root_only
@pytest.mark.parametrize(
    ("file", "directory", "mode", "owner", "moved"),
    [
        (_ADA, _ADA, 0o755, _ADA, True),
        (_ADA, _BOB, 0o755, _ADA, True),
        (_BOB, _ADA, 0o777, _ADA, False),
        (_BOB, _BOB, 0o755, _ADA, False),
        (_BOB, _BOB, 0o777, _ADA, True),
        (_BOB, _BOB, 0o1777, _ADA, False),
        (User(0), _ADA, 0o777, _ADA, False),
        (User(0), User(0), 0o777, _ADA, False),
        (_BOB, _ADA, 0o755, None, True),
        (User(0), _ADA, 0o755, None, True),
        (User(0), User(0), 0o755, User(0), True),
        (User(0), _ADA, 0o755, User(0), False),
        (_ADA, _ADA, 0o755, User(0), True),
        (_ADA, _BOB, 0o755, User(0), False),
    ],
)
def test_whose_files_are_moved(  # noqa: PLR0913, PLR0917 - a table
    base: Path,
    file: User,
    directory: User,
    mode: int,
    owner: User | None,
    moved: bool,  # noqa: FBT001 - a column
) -> None:
    """The cache's owner's, and such as they could remove alone; anybody's where the configuration says so."""
    at = own(base / "d", directory)
    path = at / "m"
    path.touch()
    own(path, file)
    at.chmod(mode)
    with path.open() as opened:
        fd = os.open(at, os.O_PATH)
        tree = Tree(str(at), (0, 0), None if owner is None else owner.uid)
        why = why_not_moved(opened.fileno(), fd, [tree])
        assert (not why) is moved, why
        path.chmod(0o4755)
        why = why_not_moved(opened.fileno(), fd, [tree])
        assert (not why) is (moved and file.uid != 0)
        os.close(fd)
