"""Requirements that TorchServe would install from elsewhere."""

from __future__ import annotations

from samples.containers import zipped
from samples.judging import levels

from picklewatch.core.model import Level


def _archive(requirement: bytes) -> bytes:
    return zipped({"MAR-INF/MANIFEST.json": b"{}", "requirements.txt": requirement + b"\n"})


def test_another_index_is_unsafe() -> None:
    """Its packages run code when they are installed."""
    found = levels(_archive(b"--index-url http://packages.example/"))
    assert found["requirements-from-elsewhere"] is Level.UNSAFE


def test_a_pinned_package_is_not_reported() -> None:
    """From the usual index."""
    assert levels(_archive(b"numpy==2.0")) == {}


def test_an_environment_of_mlflow_that_installs_from_elsewhere_is_unsafe() -> None:
    """``conda.yaml`` and ``python_env.yaml``, which MLflow reads; the environment of anything else is unverified."""
    conda = "name: {}\nchannels:\n- conda-forge\ndependencies:\n- python=3.11\n- pip<=25\n- pip:\n  - {}\n  - {}\n"
    for elsewhere in ("git+https://203.0.113.7/x", "--index-url https://203.0.113.7/", "x @ https://203.0.113.7/x.whl"):
        assert levels(conda.format("mlflow-env", "numpy", elsewhere).encode()) == {_RULE: Level.UNSAFE}
        assert levels(conda.format("x", "mlflow==3.18", elsewhere).encode()) == {_RULE: Level.UNSAFE}
        assert levels(conda.format("x", "numpy", elsewhere).encode()) == {_RULE: Level.UNVERIFIED}
    assert levels(conda.format("mlflow-env", "mlflow", "torch==2.9  # https://x").encode()) == {}
    index = "--extra-index-url https://download.pytorch.org/whl/cpu"
    assert levels(conda.format("mlflow-env", "mlflow", index).encode()) == {}
    virtualenv = "python: 3.11\nbuild_dependencies:\n- pip==25\n- {}\ndependencies:\n- -r requirements.txt\n"
    assert levels(virtualenv.format("git+https://203.0.113.7/x").encode()) == {_RULE: Level.UNSAFE}
    assert levels(virtualenv.format("wheel==0.45").encode()) == {}


_RULE = "requirements-from-elsewhere"
