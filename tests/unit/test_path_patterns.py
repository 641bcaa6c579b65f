"""The patterns that leave paths out."""

from __future__ import annotations

import pytest

from picklewatch.core.path_patterns import excluder, glob_to_regex


@pytest.mark.parametrize(
    ("pattern", "path", "excluded"),
    [
        ("*.log", "/a/b.log", True),
        ("*.log", "/a/b.log/model.bin", True),
        ("*.log", "/a/b.logs", False),
        (".git", "/a/.git/objects/x", True),
        (".git", "/a/.github/x", False),
        ("/srv/*/tmp", "/srv/x/tmp/y", True),
        ("/srv/*/tmp", "/srv/x/y/tmp", False),
        ("/srv/**/tmp", "/srv/x/y/tmp/z", True),
        ("/srv/**/tmp", "/srv/tmp", True),
        ("/srv/**", "/srv/a/b", True),
        ("/srv/a?c", "/srv/abc", True),
        ("/srv/a?c", "/srv/a/c", False),
        ("part-[0-9]", "/x/part-3", True),
        ("part-[!0-9]", "/x/part-3", False),
        ("a+b(c", "/x/a+b(c", True),
        ("*.log", "/a/new\nline.log", True),
    ],
)
def test_patterns_match_names_or_absolute_paths(pattern: str, path: str, excluded: bool) -> None:  # noqa: FBT001 - a case
    """A star stays within a name, two span directories, and everything below an excluded directory is excluded."""
    assert excluder([pattern])(path) is excluded


def test_no_pattern_excludes_nothing() -> None:
    """The default watches everything."""
    assert not excluder([])("/any/thing")


def test_the_home_directory_is_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tilde is the home of who runs picklewatch."""
    monkeypatch.setenv("HOME", "/home/ada")
    assert excluder(["~/scratch"])("/home/ada/scratch/x")


@pytest.mark.parametrize("pattern", ["", "/", "a/b", "//"])
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    """A relative path would depend on where the daemon is started."""
    with pytest.raises(ValueError, match=r"pattern|absolute"):
        glob_to_regex(pattern)
