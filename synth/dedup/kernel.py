"""The compiled kernel, where it was built: its functions, loaded by ctypes, or None.

In: nothing. Out: the library with its functions declared. An installation without a C compiler has no
kernel, and everything then goes the way of numpy and Python, with the same results. `SYNTH_KERNEL=off`
goes that way on purpose; `SYNTH_KERNEL=on` fails where there is no kernel.
"""

import ctypes
import os
from ctypes import c_double, c_int, c_int64, c_uint32, c_uint64, c_void_p
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np

from synth.errors import ConfigError

VARIABLE = "SYNTH_KERNEL"
_NAME = "_kernel"

_ARGUMENTS: dict[str, tuple[Any, list[Any]]] = {
    "synth_open": (c_void_p, [c_void_p, c_void_p, c_int, c_void_p, c_int64]),
    "synth_close": (None, [c_void_p]),
    "synth_learn": (c_int, [c_void_p, c_uint32, c_uint32, c_int, c_void_p, c_int]),
    "synth_scan": (c_int64, [c_void_p, c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_int64]),
    "synth_measure": (c_int64, [c_void_p] * 3 + [c_int64] + [c_void_p] * 6),
    "synth_read": (c_int, [c_void_p, c_void_p, c_int, c_uint64, c_void_p, c_int64, c_void_p, c_void_p]),
    "synth_values": (c_void_p, [c_void_p, c_int]),
    "synth_left": (None, [c_void_p] * 2 + [c_double] + [c_void_p] * 7 + [c_int64, c_void_p]),
    "synth_hashes": (c_void_p, [c_void_p]),
    "synth_sort_pairs": (c_int, [c_void_p, c_void_p, c_int64]),
    "synth_choose": (c_int, [c_void_p] * 7 + [c_int64] * 2 + [c_void_p] * 3),
    "synth_jaccard": (None, [c_void_p] * 6 + [c_int64, c_void_p]),
    "synth_sign": (None, [c_void_p, c_void_p, c_int64, c_void_p, c_void_p, c_int, c_void_p]),
}


def kernel() -> Any:
    """The library, or None where Python does its work.

    Raises:
        ConfigError: `SYNTH_KERNEL=on`, and there is none.
    """
    wanted = os.environ.get(VARIABLE, "auto")
    if wanted == "off":
        return None
    library = _loaded()
    if library is None and wanted == "on":
        raise ConfigError(
            f"{VARIABLE} is `on`, but no kernel was built; install a C compiler, then synth once more, "
            "or unset it."
        )
    return library


@cache
def _loaded() -> Any:
    folder = Path(__file__).parent
    for suffix in EXTENSION_SUFFIXES:
        path = folder / f"{_NAME}{suffix}"
        if path.is_file():
            try:
                return _declared(ctypes.CDLL(str(path)))
            except (OSError, AttributeError):  # of another machine, or of another version
                continue
    return None


def _declared(library: Any) -> Any:
    for name, (result, arguments) in _ARGUMENTS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def at(array: "np.ndarray[Any, Any] | None") -> int | None:
    """The address of an array's memory, which must lie in one piece."""
    if array is None:
        return None
    if not array.flags.c_contiguous:
        raise ValueError("the kernel takes arrays in one piece")
    place: int = array.__array_interface__["data"][0]  # `ctypes.data` takes ten times as long
    return place


def lent(address: int | None, count: int, kind: Any = np.uint64) -> "np.ndarray[Any, Any]":
    """Numbers that lie in the kernel's memory, until its next call."""
    if not count or address is None:
        return np.empty(0, kind)
    size = count * np.dtype(kind).itemsize
    return np.frombuffer((ctypes.c_char * size).from_address(address), kind)
