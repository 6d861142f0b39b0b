"""Read points: what every format gives, which format a path names, which columns make an input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import import_module
from math import prod
from typing import Any, Protocol

import numpy as np

from adglot.calls import Array
from adglot.errors import InvalidArgument, Violation
from adglot.ir import Type

SAMPLES = 8
"""Places of a file whose points tell it from another."""

SAMPLE = 64
"""Points that are looked at in each of these."""


@dataclass(frozen=True, slots=True)
class Column:
    """One array of points: how many, and of what type each is."""

    count: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Of one point."""
        return int(self.dtype.itemsize * prod(self.shape))

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"


class Points(Protocol):
    """Arrays by name in a file; a file of one array calls it ``""``.

    `read` gives the points from start to stop, [stop - start, ...]. All raise InvalidArgument,
    with the path, for what cannot be read.
    """

    @property
    def columns(self) -> Mapping[str, Column]: ...

    def read(self, name: str, start: int, stop: int) -> Array: ...


FORMATS = {
    ".npy": "adglot_server.jobs.numpy_points",
    ".npz": "adglot_server.jobs.numpy_points",
    ".parquet": "adglot_server.jobs.parquet_points",
    ".pq": "adglot_server.jobs.parquet_points",
    ".zarr": "adglot_server.jobs.zarr_points",
}


def open_points(url: str) -> Points:
    """The points of a file or store, by what its name ends with."""
    path = url.rstrip("/")
    suffix = next((s for s in FORMATS if path.endswith(s)), None)
    if suffix is None:
        what = f"a file of points ends with {', '.join(FORMATS)}; got {url!r}"
        raise InvalidArgument(Violation("points", what))
    points: Points = import_module(FORMATS[suffix]).open_points(path)
    return points


@dataclass(frozen=True, slots=True)
class Reader:
    """One input of a function, as what it is read from.

    Several columns are its components: read together, they are stacked behind the axis of points.
    """

    points: Points
    names: tuple[str, ...]
    dtype: np.dtype[Any] | None = None
    """What is read is cast to; None for what the file has."""

    @property
    def column(self) -> Column:
        """As of one array."""
        columns = [self.points.columns[name] for name in self.names]
        first = columns[0]
        if len(columns) == 1:
            return first
        if any((c.count, c.shape) != (first.count, first.shape) for c in columns):
            raise InvalidArgument(f"the columns {', '.join(self.names)} differ in shape")
        dtype = np.result_type(*(c.dtype for c in columns))
        return Column(first.count, dtype, (len(columns), *first.shape))

    def read(self, start: int, stop: int) -> Array:
        """The points from start to stop, [stop - start, ...]."""
        parts = [self.points.read(name, start, stop) for name in self.names]
        return np.asarray(parts[0] if len(parts) == 1 else np.stack(parts, axis=1), self.dtype)

    def typed(self, name: str, type: Type) -> Reader:
        """The same for an input of this type; InvalidArgument where it is not of that."""
        column = self.column
        if column.shape != type.shape or not np.can_cast(column.dtype, type.dtype, "safe"):
            what = f"the points have {column}, and the function takes {type}"
            raise InvalidArgument(Violation(name, what))
        return replace(self, dtype=type.dtype)


def reader(points: Points, name: str, columns: Mapping[str, tuple[str, ...]], only: bool) -> Reader:
    """Where the input of this name is.

    Args:
        points: the file.
        name: of the input.
        columns: names that were given for inputs.
        only: whether there is no other input, so that an array without a name is this one.

    Raises InvalidArgument, with the columns there are, where it is not in the file.
    """
    found = columns.get(name) or _found(points.columns, name, only)
    missing = [one for one in found if one not in points.columns]
    if found and not missing:
        return Reader(points, tuple(found))
    there = ", ".join(filter(None, points.columns)) or "one array without a name"
    what = f"the points have no column {', '.join(missing) or name}; there is {there}"
    raise InvalidArgument(Violation(name, what))


def _found(columns: Mapping[str, Column], name: str, only: bool) -> tuple[str, ...]:
    if name in columns:
        return (name,)
    if only and "" in columns:
        return ("",)
    return components(list(columns), name)


def components(columns: list[str], name: str) -> tuple[str, ...]:
    """The columns that are elements of an array of this name, in order, if they are all there.

    >>> components(["x_1", "x_0", "y"], "x"), components(["x[0]", "x[2]"], "x")
    (('x_0', 'x_1'), ())
    """
    form = re.compile(rf"{re.escape(name)}(?:\[(\d+)\]|[._]?(\d+))")
    matches = [(column, form.fullmatch(column)) for column in columns]
    numbered = {int(m[1] or m[2]): column for column, m in matches if m}
    whole = sorted(numbered) == list(range(len(numbered)))
    return tuple(numbered[k] for k in range(len(numbered))) if whole else ()


def fingerprint(readers: Mapping[str, Reader]) -> str:
    """SHA-256 of what tells these points from others: types, how many, and a sample of them.

    The path is no part of it: a file may be moved, or copied to where workers are.
    """
    found = sha256()
    for name, one in sorted(readers.items()):
        column = one.column
        found.update(f"{name} {column.dtype.str} {column.count} {column.shape};".encode())
        starts = {k * max(0, column.count - SAMPLE) // (SAMPLES - 1) for k in range(SAMPLES)}
        for start in sorted(starts):
            sample = one.read(start, min(column.count, start + SAMPLE))
            found.update(np.ascontiguousarray(sample).data)
    return found.hexdigest()


@contextmanager
def reading(url: str, *faults: type[Exception]) -> Iterator[None]:
    """Turn what goes wrong while reading, by these and the usual errors, into InvalidArgument."""
    caught: tuple[type[Exception], ...] = (ImportError, OSError, ValueError, EOFError, *faults)
    try:
        yield
    except InvalidArgument:
        raise
    except caught as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise InvalidArgument(f"cannot read {url}: {why}") from error
