"""Cells of a log as numbers and texts, a column at a time: what cannot be one is told, row by row.

In: Arrow arrays of whatever type a log has. Out: numpy arrays, and which rows are at fault.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from synth.sws.scores import Floats, Numbers

Mask = npt.NDArray[np.bool_]
_LISTS = (pa.ListType, pa.LargeListType, pa.FixedSizeListType, pa.ListViewType, pa.LargeListViewType)
_STRINGS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BINARIES = (
    pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary
)  # fmt: skip
_WORDS = {"true": 1.0, "false": 0.0}
# Each number is looked at once: names of visits may be of any length.
_LAST_NUMBER = re.compile(r"(?<!\d)(\d{1,20})\D*$")


class Cells(NamedTuple):
    """A number a row, not a number where the cell is empty; and the rows that hold something else."""

    numbers: Floats
    bad: Mask


def truths(column: pa.Array) -> Cells:
    """Accuracies: numbers, booleans, and either as text."""
    return _numbers(column, _truth)


def visits(column: pa.Array) -> Cells:
    """Visits: numbers, and names that end in one (`global_step_100`)."""
    return _numbers(column, _visit)


def whole(column: pa.Array) -> Numbers:
    """Whole numbers; -1 where the cell is empty or holds something else."""
    found = _numbers(column, _truth)
    ok = ~found.bad & (np.abs(found.numbers) < 1 << 31)
    return np.where(ok & (found.numbers >= 0), np.nan_to_num(found.numbers), -1).astype(np.int64)


class Lists(NamedTuple):
    """All lists of a column one behind the other, the length of each, and the rows that are none."""

    values: Floats
    lengths: Numbers
    bad: Mask


def lists(column: pa.Array) -> Lists:
    """Lists of accuracies, also written as JSON in a cell of text; a gap in a list is not a number."""
    if not is_list(column.type):
        column = pa.array(list(map(_list, column.to_pylist())), pa.list_(pa.float64()))
    lengths = np.asarray(
        pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False), np.int64
    )
    found = truths(pc.list_flatten(column))
    values = np.where(found.bad, np.nan, found.numbers)
    return Lists(values, lengths, lengths == 0)


def prompts(column: pa.Array) -> pa.Array:
    """Problems as text; of a list of messages, what the user said last."""
    if is_list(column.type) and pa.types.is_struct(column.type.value_type):
        return _messages(column)
    return texts(column)


def texts(column: pa.Array) -> pa.DictionaryArray:
    """Any column as text, each distinct text once; null where a value nests too deep to be one."""
    if pa.types.is_dictionary(column.type):
        if is_text(column.type.value_type):
            return column
        column = column.dictionary_decode()
    if any(is_binary(column.type) for is_binary in _BINARIES):
        decoded = (None if v is None else v.decode(errors="replace") for v in column.to_pylist())
        column = pa.array(decoded, pa.string())
    if pa.types.is_nested(column.type):
        column = pa.array([None if v is None else _json(v) for v in column.to_pylist()], pa.string())
    return pc.dictionary_encode(column.cast(pa.string()))


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's texts."""
    return any(is_it(kind) for is_it in _STRINGS)


def is_list(kind: pa.DataType) -> bool:
    """Whether a type is one of Arrow's lists."""
    return isinstance(kind, _LISTS)


def _numbers(column: pa.Array, read: Callable[[str], float | None]) -> Cells:
    kind = column.type
    if pa.types.is_dictionary(kind) or is_text(kind):
        return _of_texts(texts(column), read)
    empty = np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)
    if pa.types.is_null(kind):
        return Cells(np.full(len(column), np.nan), np.zeros(len(column), bool))
    if not (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or _is_real(kind)):
        return Cells(np.full(len(column), np.nan), ~empty)
    plain = column.cast(pa.uint8()) if pa.types.is_boolean(kind) else column
    values = np.asarray(pc.cast(plain, pa.float64(), safe=False).to_numpy(zero_copy_only=False), float)
    return Cells(values, ~empty & ~np.isfinite(values))


def _is_real(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _of_texts(column: pa.DictionaryArray, read: Callable[[str], float | None]) -> Cells:
    """Each distinct text is read once."""
    spellings = [text or "" for text in column.dictionary.to_pylist()]
    read_once = [read(text.strip().lower()) if text.strip() else np.nan for text in spellings]
    values = np.array([np.nan if value is None else value for value in read_once] + [np.nan])
    bad = np.array([value is None for value in read_once] + [False])
    codes = pc.fill_null(column.indices.cast(pa.int64()), len(spellings)).to_numpy(zero_copy_only=False)
    return Cells(values[codes], bad[codes])


def _truth(text: str) -> float | None:
    if text in _WORDS:
        return _WORDS[text]
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _visit(text: str) -> float | None:
    value = _truth(text)
    if value is None and (found := _LAST_NUMBER.search(text)):
        return float(found[1])
    return value


def _list(cell: object) -> list[float | None] | None:
    try:
        values = orjson.loads(cell) if isinstance(cell, str) else cell
    except orjson.JSONDecodeError:
        return None
    if not isinstance(values, list):
        return None
    # What is no number leaves a gap, which costs the row.
    return [float(value) if isinstance(value, bool | int | float) else None for value in values]


def _json(value: object) -> str | None:
    try:
        return orjson.dumps(value, default=str).decode()
    except orjson.JSONEncodeError:
        return None


def _messages(column: pa.Array) -> pa.DictionaryArray:
    """The content of the last message of each list whose role is `user`."""
    messages, owners = pc.list_flatten(column), pc.list_parent_indices(column)
    if not {"role", "content"} <= {field.name for field in messages.type}:
        return texts(pa.nulls(len(column), pa.string()))
    roles = texts(pc.struct_field(messages, "role")).dictionary_decode()
    users = pc.fill_null(pc.equal(roles, "user"), False)
    said = texts(pc.struct_field(messages, "content").filter(users))
    rows = owners.filter(users).to_numpy(zero_copy_only=False).astype(np.int64)
    last = np.append(rows[1:] != rows[:-1], True)[: len(rows)]
    codes = np.full(len(column), -1)
    indices = pc.fill_null(said.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    codes[rows[last]] = indices[last]
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32(), mask=codes < 0), said.dictionary)
