"""Points in a Parquet file: columns of numbers, or of lists of numbers of one length."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np

from adglot.calls import Array
from adglot.errors import InvalidArgument, Unsupported
from adglot_server.jobs.extras import need
from adglot_server.jobs.numpy_points import local
from adglot_server.jobs.points import Column, Points, reading

KEPT = 8
"""Columns of row groups that are kept decoded: the next chunk often begins in the same group."""


class Table:
    """See `Points`."""

    def __init__(self, url: str, file: Any, arrow: Any) -> None:
        self._url, self._file, self._arrow = url, file, arrow
        groups = range(file.metadata.num_row_groups)
        counts = (file.metadata.row_group(k).num_rows for k in groups)
        self._starts = list(accumulate(counts, initial=0))
        self._group = lru_cache(KEPT)(self._decoded)
        self.columns = dict(self._columns())

    def read(self, name: str, start: int, stop: int) -> Array:
        first = bisect_right(self._starts, start) - 1
        parts = []
        for k in range(first, len(self._starts) - 1):
            begin = self._starts[k]
            if begin >= stop:
                break
            parts.append(self._group(k, name)[max(0, start - begin) : stop - begin])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _columns(self) -> Iterator[tuple[str, Column]]:
        """Those of numbers; how long lists are is seen at the first point."""
        count = self._starts[-1]
        for field in self._file.schema_arrow:
            inner, depth = _innermost(self._arrow, field.type)
            dtype = _dtype(self._arrow, inner)
            if dtype is not None:
                shape = self._group(0, field.name).shape[1:] if depth and count else ()
                yield field.name, Column(count, dtype, shape)

    def _decoded(self, group: int, name: str) -> Array:
        with reading(self._url, self._arrow.ArrowException):
            table = self._file.read_row_group(group, columns=[name], use_threads=False)
            found = self._numbers(table.column(name).combine_chunks(), name)
            if len(found) != self._starts[group + 1] - self._starts[group]:
                raise ValueError(f"row group {group} of {name} has another length than it says")
            return found

    def _numbers(self, array: Any, name: str) -> Array:
        """An array of Arrow's as one of NumPy's: lists become axes."""
        if array.null_count:
            raise InvalidArgument(f"cannot read {self._url}: the column {name} has nulls")
        lengths: list[int] = []
        count = len(array)
        while _is_list(self._arrow, array.type):
            inner = array.flatten()
            length, rest = divmod(len(inner), max(1, len(array)))
            if rest or not _all_of(array, length):
                what = f"the lists of the column {name} differ in length"
                raise InvalidArgument(f"cannot read {self._url}: {what}")
            lengths.append(length)
            array = inner
            if array.null_count:
                raise InvalidArgument(f"cannot read {self._url}: the column {name} has nulls")
        numbers: Array = array.to_numpy(zero_copy_only=False)
        return numbers.reshape(count, *lengths)


def open_points(url: str) -> Points:
    """The columns of a file; those of other things than numbers are left out."""
    try:
        arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    except Unsupported as error:
        raise InvalidArgument(f"cannot read {url}: {error}") from None
    with reading(url, arrow.ArrowException):
        path = local(url)
        source = path or need("fsspec").open(url, "rb").open()
        return Table(url, parquet.ParquetFile(source, memory_map=path is not None), arrow)


def _is_list(arrow: Any, type: Any) -> bool:
    kinds = arrow.types
    return bool(kinds.is_list(type) or kinds.is_large_list(type) or kinds.is_fixed_size_list(type))


def _innermost(arrow: Any, type: Any) -> tuple[Any, int]:
    """What lists of lists are of, and how deep they are."""
    depth = 0
    while _is_list(arrow, type):
        type, depth = type.value_type, depth + 1
    return type, depth


def _dtype(arrow: Any, type: Any) -> np.dtype[Any] | None:
    kinds = arrow.types
    if kinds.is_floating(type) or kinds.is_integer(type) or kinds.is_boolean(type):
        dtype: np.dtype[Any] = np.dtype(type.to_pandas_dtype())
        return dtype
    return None


def _all_of(array: Any, length: int) -> bool:
    """Whether all lists have this length."""
    lengths = array.value_lengths() if hasattr(array, "value_lengths") else None
    return lengths is None or bool((lengths.to_numpy(zero_copy_only=False) == length).all())
