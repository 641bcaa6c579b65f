"""Arrays that an old joblib file keeps beside it."""

from __future__ import annotations

import io

import joblib
import numpy as np
from samples.judging import levels
from samples.opcodes import BUILD, dict_, global_, new, pickle, text

from picklewatch.core.model import Level


def test_an_array_in_another_file_is_unverified() -> None:
    """That file is loaded too."""
    state = dict_(filename=text("model.pkl_01.npy"), subclass=global_("numpy", "ndarray"))
    found = levels(pickle(2, new("joblib.numpy_pickle", "NDArrayWrapper"), state, BUILD))
    assert found == {"separate-array-file": Level.UNVERIFIED}


def test_an_array_in_the_file_is_not_reported() -> None:
    """As joblib writes it since 0.10."""
    with io.BytesIO() as file:
        joblib.dump(np.zeros(4), file)
        assert levels(file.getvalue()) == {}
