"""NumPy index keys, resolved against a shape: which slices, which new axes, which index arrays."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adglot.errors import TracingError
from adglot.ops.composites.support import Ints, is_traced, lift_one
from adglot.ops.core import Array, Value


@dataclass(frozen=True, slots=True)
class Span:
    """`count` elements of one axis from `start`, by `step`; with `kept` False the axis goes."""

    start: int
    count: int
    step: int
    kept: bool = True


@dataclass(frozen=True, slots=True)
class New:
    """A new axis of length 1."""


@dataclass(frozen=True, slots=True)
class Picked:
    """An axis indexed by an integer array.

    `new` when the axis itself is new (a bool as index), `length` what a mask asks of the axis.
    """

    indices: Array | Value
    new: bool = False
    length: int | None = None


Entry = Span | New | Picked


@dataclass(frozen=True, slots=True)
class Key:
    """One entry an axis (old or new), and whether the picked axes stand side by side."""

    entries: tuple[Entry, ...]
    adjacent: bool

    @property
    def spans(self) -> list[Span]:
        """The slice on every axis of x; picked axes whole."""
        return [e for e in self.entries if isinstance(e, Span)]

    @property
    def picked(self) -> list[int]:
        """Places of the entries that pick."""
        return [i for i, e in enumerate(self.entries) if isinstance(e, Picked)]


def resolve(key: Any, shape: Ints) -> Key:
    """The key against a shape; IndexError and TracingError as the case may be."""
    parts = [p for part in _as_tuple(key) for p in _masks_as_indices(part)]
    parts = _ellipsis_filled(parts, len(shape))
    if any(isinstance(p, Picked) for p in parts):
        parts = [Picked(np.asarray(p)) if isinstance(p, int) else p for p in parts]
    lengths = iter(enumerate(shape))
    entries = [_entry(p, lengths) for p in parts if p is not Ellipsis]
    places = [i for i, p in enumerate(parts) if isinstance(p, Picked)]
    adjacent = not places or places[-1] - places[0] == len(places) - 1
    return Key(tuple(entries), adjacent)


def _as_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _masks_as_indices(part: Any) -> list[Any]:
    """One part of a key as ints, slices, None, Ellipsis and Picked; a mask gives one an axis."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return [part]
    if is_traced(part):
        return [Picked(_traced_index(lift_one(part)))]
    if isinstance(part, int) and not isinstance(part, bool):
        return [part]
    array = np.asarray(part)
    if array.size == 0 and not isinstance(part, np.ndarray):
        array = array.astype(int)
    if array.dtype.kind == "b":
        return _mask(array)
    if array.dtype.kind not in "iu":
        raise IndexError(f"arrays used as indices must be integer or bool, got {array.dtype}")
    return [int(array) if array.ndim == 0 else Picked(array.astype(np.int64))]


def _traced_index(index: Value) -> Value:
    if index.dtype.kind == "b":
        raise TracingError(
            "a mask of traced values picks a number of elements that depends on values: "
            "use np.where(mask, x, other) instead of x[mask]"
        )
    if index.dtype.kind != "i":
        raise IndexError(f"arrays used as indices must be integer or bool, got {index!r}")
    return index


def _mask(mask: Array) -> list[Any]:
    if mask.ndim == 0:
        return [Picked(np.flatnonzero(mask), new=True)]
    axes = zip(np.nonzero(mask), mask.shape, strict=True)
    return [Picked(places, length=n) for places, n in axes]


def _ellipsis_filled(parts: list[Any], ndim: int) -> list[Any]:
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    used = sum(_consumes(p) for p in parts)
    if used > ndim:
        raise IndexError(f"too many indices: array is {ndim}-dimensional, {used} were indexed")
    at = dots[0] if dots else len(parts)
    rest = [slice(None)] * (ndim - used)
    # The ellipsis stays where it stood: it separates index arrays even where it stands for no axis.
    return [*parts[:at], *rest, *parts[at:]]


def _consumes(part: Any) -> bool:
    return not (part is None or part is Ellipsis or (isinstance(part, Picked) and part.new))


def _entry(part: Any, lengths: Any) -> Entry:
    if part is None:
        return New()
    if isinstance(part, Picked) and part.new:
        return part
    axis, n = next(lengths)
    if isinstance(part, slice):
        return _span(part, n)
    if isinstance(part, Picked):
        return _picked(part, axis, n)
    return Span(_within(operator.index(part), axis, n), 1, 1, kept=False)


def _span(part: slice, n: int) -> Span:
    start, stop, step = part.indices(n)
    count = max(0, -(-(stop - start) // step))
    return Span(start if count else 0, count, step if count else 1)


def _within(index: int, axis: int, n: int) -> int:
    if not -n <= index < n:
        raise IndexError(f"index {index} is out of bounds for axis {axis} with size {n}")
    return index + n if index < 0 else index


def _picked(part: Picked, axis: int, n: int) -> Picked:
    if part.length is not None and part.length != n:
        raise IndexError(
            f"boolean index did not match indexed array along axis {axis}; "
            f"size of axis is {n} but size of corresponding boolean axis is {part.length}"
        )
    if isinstance(part.indices, Value):
        return Picked(part.indices)
    for bad in part.indices[(part.indices < -n) | (part.indices >= n)].ravel()[:1]:
        _within(int(bad), axis, n)
    return Picked(np.where(part.indices < 0, part.indices + n, part.indices))


def broadcast_shape(indices: Sequence[Any]) -> Ints:
    """The common shape of index arrays; IndexError when there is none."""
    try:
        return np.broadcast_shapes(*(i.shape for i in indices))
    except ValueError:
        raise IndexError("shape mismatch: index arrays do not broadcast together") from None
