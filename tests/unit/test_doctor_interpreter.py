"""``picklewatch doctor`` knows which interpreters have known holes."""

from __future__ import annotations

import re

import pytest

from picklewatch.doctor import Grade
from picklewatch.doctor.interpreter_holes import HOLES, holes


def found(*version: int) -> list[str]:
    """Name the holes of a version."""
    major, minor, micro = version
    (check,) = holes((major, minor, micro))
    names = check.facts["holes"]
    assert isinstance(names, list)
    assert check.state is (Grade.REMARK if names else Grade.GOOD)
    return names


@pytest.mark.parametrize(
    ("version", "has", "has_not"),
    [
        ((3, 11, 2), {"CVE-2024-0450", "CVE-2024-6232", "CVE-2025-8194", "CVE-2026-82049"}, set()),
        ((3, 11, 9), {"CVE-2024-6232"}, {"CVE-2024-0450"}),
        ((3, 11, 10), {"CVE-2025-4517"}, {"CVE-2024-6232", "CVE-2024-8088"}),
        ((3, 11, 13), {"CVE-2025-8194", "CVE-2025-8291"}, {"CVE-2025-4517"}),
        ((3, 11, 14), {"CVE-2025-13462"}, {"CVE-2025-8194", "CVE-2025-8291"}),
        ((3, 12, 11), {"CVE-2025-8194"}, {"CVE-2025-4517"}),
        ((3, 13, 0), {"CVE-2025-4517"}, {"CVE-2024-0450", "CVE-2024-6232"}),
        ((3, 13, 6), {"CVE-2025-8291"}, {"CVE-2025-8194"}),
        ((3, 14, 0), {"CVE-2025-8291"}, {"CVE-2025-8194", "CVE-2026-82049"}),
    ],
)
def test_a_hole_is_open_until_the_release_that_fixes_it(
    version: tuple[int, int, int], has: set[str], has_not: set[str]
) -> None:
    """Each minor version has a release of its own for that; those that came later never had it."""
    names = set(found(*version))
    assert has <= names
    assert not has_not & names


@pytest.mark.parametrize("version", [(3, 11, 17), (3, 12, 15), (3, 13, 16), (3, 14, 8), (3, 15, 0), (3, 16, 0)])
def test_an_interpreter_with_every_fix_is_good(version: tuple[int, int, int]) -> None:
    """And the release before it, where there is one, is not."""
    assert found(*version) == []
    if version[2]:
        assert found(version[0], version[1], version[2] - 1)


def test_a_remark_says_what_it_is_what_it_means_and_what_to_do() -> None:
    """One line each, the release that has all fixes, and that the number may mislead: distributions backport."""
    (check,) = holes((3, 11, 16))
    assert check.text.splitlines()[0] == "Python 3.11.16 has 2 known vulnerabilities in modules that read archives."
    assert "CVE-2026-15310 in zipfile: small members" in check.text
    assert "picklewatch reads zip by itself" in check.text
    assert check.facts["fixed_in"] == "3.11.17"
    assert "3.11.17" in check.hint
    assert "backported" in check.hint


def test_the_table_is_well_formed() -> None:
    """Real numbers of CVEs, each once, and no minor version left out between two that had the hole."""
    names = [hole.cve for hole in HOLES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"CVE-20\d\d-\d{4,6}", name) for name in names)
    for hole in HOLES:
        assert list(hole.fixed) == list(range(11, max(hole.fixed) + 1))
