"""The lists are data, and the part that others keep is in step with them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import import_lists
import pytest
import refresh_import_lists

from picklewatch.catalogue.imports.classify import judge
from picklewatch.catalogue.imports.denied import CARRIERS, DENIED, INDIRECT
from picklewatch.catalogue.imports.entries import Status, Takes, Use
from picklewatch.catalogue.imports.functions import KEPT
from picklewatch.catalogue.imports.library_calls import LIBRARY_CALLS
from picklewatch.catalogue.imports.library_classes import LIBRARY_CLASSES
from picklewatch.catalogue.imports.stdlib_modules import STDLIB
from picklewatch.catalogue.imports.vouched import VOUCHED
from picklewatch.core.model import Level
from picklewatch.sandbox.engine_version import engine_version, judging_sources, rules_version


def test_the_list_of_fickling_is_the_installed_one() -> None:
    """A new fickling changes the list: refresh it, and look at what changed."""
    assert refresh_import_lists.difference(import_lists.FICKLING, refresh_import_lists.from_fickling()) == []


@pytest.mark.parametrize("table", [import_lists.FICKLING, import_lists.TORCH], ids=["fickling", "torch"])
def test_what_others_vouch_for_is_no_alarm(table: dict[str, str]) -> None:
    """Nothing that they list as harmless is unsafe when referenced."""
    for module, names in table.items():
        for name in names.split():
            judged = judge(module, name)
            nested = (module, name) == ("torch.storage", "_load_from_bytes")
            checked = nested or Use.CALL in judged.uses
            assert judged.level in {Level.INFO, Level.UNVERIFIED} or checked, (module, name)


def test_functions_of_python_are_given_no_objects_of_python_s_own_library() -> None:
    """Exceptions and holders of the same package keep anything: ``str`` of one would ask what it holds."""
    groups = [group for group in (*VOUCHED, *LIBRARY_CALLS) if Use.CALL in group.uses and group.takes is Takes.OWN]
    assert [module for group in groups for module in group.names if module.partition(".")[0] in STDLIB] == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("axolotl.core.trainer_builder", "AxolotlTrainingArguments"),
        ("llava.train.train", "TrainingArguments"),
        ("swift.trainers.rlhf_arguments", "DPOConfig"),
    ],
)
def test_what_others_list_and_nobody_read_is_not_clean(module: str, name: str) -> None:
    """A mention imports the module, which runs it: another tool's list is no reading."""
    assert judge(module, name).level is Level.UNVERIFIED


def test_what_fickling_denies_is_never_clean() -> None:
    """Its list of unsafe modules is a floor."""
    from fickling.fickle import UNSAFE_IMPORTS

    by_name = {
        "builtins",
        "__builtin__",
        "__builtins__",
        "types",
        "collections",
        "functools",
        "operator",
        "_operator",
        "io",
        "_io",
        "joblib",
    }
    no_modules = {"compile", "eval", "exec"}
    for module in UNSAFE_IMPORTS - by_name - no_modules:
        assert judge(module, "anything").level in {Level.UNSAFE, Level.MALICIOUS}, module


def test_no_entry_shadows_another() -> None:
    """The first entry of a name counts: a second one, with other uses, is dead and nobody notices."""
    groups = (*VOUCHED, *LIBRARY_CALLS, *LIBRARY_CLASSES, *KEPT)
    listed = [(module, name) for group in groups for module, names in group.names.items() for name in names.split()]
    denied = [(module, name) for group in DENIED for module, names in group.names.items() for name in names.split()]
    whole = [module for group in DENIED for module in group.modules.split()]
    others = [*CARRIERS, *((module, name) for module, names in INDIRECT.items() for name in names.split())]
    for names in (listed, denied, whole, [*others, *listed, *denied]):
        twice = {name for name, count in Counter(names).items() if count > 1}
        assert {name for name in twice if name[1] != "memmap"} == set(), (
            "memmap is data as a type, and denied when called"
        )


def test_a_difference_names_both_sides() -> None:
    """What came and what went."""
    assert refresh_import_lists.difference({"a": "b c"}, {"a": ["c", "d"]}) == ["+ a.d", "- a.b"]


def test_every_group_says_why() -> None:
    """No entry without its reason."""
    assert all(group.reason and group.rule for group in DENIED)
    listed = (*LIBRARY_CALLS, *LIBRARY_CLASSES, *KEPT)
    assert all(group.reason and group.uses <= set(Use) and Use.MEMBER not in group.uses for group in listed)


def test_versions_are_stable_and_need_no_fickling() -> None:
    """The daemon keeps verdicts by them and never imports fickling."""
    version = rules_version()
    assert len(version) == 12
    assert set(version) <= set("0123456789abcdef")
    assert engine_version().rules == version
    code = (
        "import sys; from picklewatch.sandbox.engine_version import engine_version; engine_version();"
        "sys.exit('fickling' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_module_that_judges_is_part_of_the_version() -> None:
    """A table that is left out would let stored verdicts outlive its change: that of loaders' keys once did."""
    code = (
        "import sys, picklewatch.analysis.content, picklewatch.core.policy;"
        "print(*(m.__file__ for name, m in sys.modules.items() if name.startswith('picklewatch.')), sep='\\n')"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {Path(line) for line in ran.stdout.splitlines() if line}
    assert len(loaded) > 100
    assert not loaded - set(judging_sources())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("torchmetrics.classification.accuracy", "Tensor"),
        ("optuna.samplers._cmaes", "_LazyImport"),
        ("lightning.fabric.utilities.load", "_TensorMeta"),
        ("torch.ao.quantization.quantize_fx", "GraphModule"),
        ("torch.utils.data.dataset", "Generator"),
        ("imblearn.ensemble._common", "Criterion"),
    ],
)
def test_what_a_library_imports_is_not_its_own(module: str, name: str) -> None:
    """A pickler names a class by its own module; by another's it comes without the checks that it needs."""
    assert judge(module, name).status is Status.FOREIGN
