"""Numbers without repeats are those of numpy."""

import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from synth.numbers import uniques


@given(arrays(np.int64, 40) | arrays(np.int64, 0) | arrays(np.uint64, 40))
def test_they_are_those_of_numpy(values: NDArray[np.int64]) -> None:
    found = uniques(values % 7)
    assert found.tolist() == np.unique(values % 7).tolist()
    assert uniques(values).tolist() == np.unique(values).tolist()
    assert uniques(values).dtype == values.dtype
