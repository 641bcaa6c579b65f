"""Each schema is of a hook that the census has seen: function, digest of the source and version are in its lines."""

from __future__ import annotations

import re
from collections import defaultdict

from census import merge, recorded
from census.unread import digest_of

from picklewatch.catalogue.classes.schema_table import SCHEMAS

IN_NO_LINE = {
    r"sklearn\.(neighbors\.(kd_tree|ball_tree|_dist_metrics|dist_metrics)|metrics\._dist_metrics)\.[\w.]+"
    r"|sklearn\.neighbors\._(kd|ball)_tree\.BinaryTree\.__setstate__": (
        "compiled, by names that picklers of scikit-learn before 1.4 write, whose wheels have no Cython source: what "
        "was read is the class of the version named, in the module where that has it, or what a class does when called"
    ),
    r"sklearn\.(tree\._tree\.Tree|neighbors\._quad_tree\._QuadTree)\.__setstate_cython__": (
        "compiled: the class has a __setstate__ of its own, which the census names in its place"
    ),
    r"sklearn\.linear_model\._sgd_fast\.(Classification|Regression)\.__setstate__": (
        "compiled: base classes of losses, of which the lines of 1.6 and 1.9 have no hook"
    ),
    r"scipy\.spatial\.(ckdtree\.cKDTree|kdtree\.KDTree)": "compiled, the module of scipy before 1.8: a call",
    r"pandas\._libs\.\w+\.(__pyx_unpickle_\w+|_unpickle_block)": "compiled functions: the census reads classes",
    r"pandas\._libs\.internals\.SharedBlock\.__setstate__": "compiled: a base of Block, whose hook is in the lines",
    r"pandas\.sparse\.array\.SparseArray(\.__setstate__)?": (
        "pandas before 0.24, in a module where the text does not tell the base of the class"
    ),
    r"numpy\.ma\.core\.MaskedArray": "what a call of the class does, by the same function as its __setstate__",
    r"pydantic\.main\.BaseModel\.__setstate__": "a base of classes in the lines, of a library that is not read itself",
    r"tokenizers\.(models|decoders|normalizers|pre_tokenizers|processors|trainers)\.\w+(\.__new__|\.__setstate__)?"
    r"|tokenizers\.(AddedToken|Encoding|Tokenizer)": "compiled, no name of its own in the lines: what a call does",
}
"""Functions whose schema is of no line, as patterns for the whole name, each with its reason."""
OF_PYTHON = {"builtins.BaseException.__setstate__"}
"""The interpreter's own: its version is Python's."""


def _seen() -> dict[str, dict[str, set[str]]]:
    """Return function → digest → versions, by all lines."""
    seen: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for lines in recorded.readings().values():
        for line in lines:
            if "function" in line:
                seen[line["function"]][digest_of(line["source"])].add(line["version"])
    for line in merge.by_hand():
        for functions in line.get("acts", {}).values():
            for function in functions:
                seen[function][next(iter(SCHEMAS[function].sources))].add(line["version"])
    return seen


def test_each_schema_is_of_a_line_of_the_census() -> None:
    """A label of a version that nobody read would say that the schema holds there."""
    seen = _seen()
    excepted = re.compile("|".join(f"(?:{pattern})" for pattern in IN_NO_LINE))
    wrong = [
        f"{function} {source} {version}"
        for function, schema in SCHEMAS.items()
        if not excepted.fullmatch(function) and function not in OF_PYTHON
        for source, versions in schema.sources.items()
        for version in versions.split()
        if version not in seen.get(function, {}).get(source, ())
    ]
    assert wrong == []


def test_each_exception_is_needed() -> None:
    """A pattern that excepts nothing is taken off the list, so that it excepts nothing that comes later."""
    for pattern, reason in IN_NO_LINE.items():
        assert any(re.fullmatch(pattern, function) for function in SCHEMAS), pattern
        assert len(reason) > 30
