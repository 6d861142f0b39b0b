"""Sets of indices in bulk, for arrays of which every element depends on a set of inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

import numpy as np

from adglot.errors import LimitExceeded
from adglot.ops.core import Array
from adglot.stopping import may_stop

MOST_BYTES = 1 << 31
"""What sets may need where nobody says otherwise."""

BYTES_EACH = 16
"""Of one member of a set: the index, and later the nonzero and where it comes from."""

_MOST: ContextVar[int] = ContextVar("most bytes of sets", default=MOST_BYTES)

CHUNK = 1 << 22
"""Members that are sorted at one time."""


class IndexSets:
    """A table of sets of integers below `size`, each named by a label; 0 is the empty set.

    Arrays of labels stand for arrays of sets. Elements with one set share one label, so to move or
    to repeat elements costs nothing, and n elements that depend on all of n inputs cost O(n).

    >>> sets = IndexSets(3)
    >>> x = sets.singletons(0, 3)
    >>> indptr, indices = sets.rows(sets.union([x, x[::-1]]))
    >>> indptr.tolist(), indices.tolist()
    ([0, 2, 3, 5], [0, 2, 1, 0, 2])
    """

    def __init__(self, size: int) -> None:
        self.size = size
        dtype = np.int32 if size < 2**31 else np.int64
        self._members = _Growing(np.empty(0, dtype))
        self._starts = _Growing(np.zeros(2, np.int64))

    def __len__(self) -> int:
        return len(self._starts.array) - 1

    def singletons(self, first: int, count: int) -> Array:
        """Labels of the sets {first}, {first + 1}, ..."""
        return self._add(np.ones(count, np.int64), np.arange(first, first + count))

    def union(self, arrays: Sequence[Array]) -> Array:
        """The elementwise unions of arrays that broadcast."""
        result = arrays[0]
        for labels in arrays[1:]:
            result = self._union(result, labels)
        return result

    def reduce(self, labels: Array, axes: Sequence[int]) -> Array:
        """The unions along axes, which are dropped."""
        axes = sorted(axis % labels.ndim for axis in axes)
        kept = [axis for axis in range(labels.ndim) if axis not in axes]
        shape = tuple(labels.shape[axis] for axis in kept)
        flat = labels.transpose([*kept, *axes]).reshape(-1)
        count = int(np.prod(shape, dtype=np.int64))
        if not count or len(flat) == count:
            return flat.reshape(shape)
        owners = np.repeat(np.arange(count), len(flat) // count)
        return self.merge(owners, flat, count).reshape(shape)

    def merge(self, owners: Array, labels: Array, count: int) -> Array:
        """Labels [count]: owner k gets the union of the sets whose owner it is."""
        result = np.zeros(count, np.int64)
        keys = _distinct((owners * len(self) + labels)[labels != 0])
        owners, labels = np.divmod(keys, len(self))
        alone = np.bincount(owners, minlength=count)[owners] == 1
        result[owners[alone]] = labels[alone]
        if not alone.all():
            rest, at = np.unique(owners[~alone], return_inverse=True)
            result[rest] = self._unite(at, labels[~alone], len(rest))
        return result

    def rows(self, labels: Array) -> tuple[Array, Array]:
        """The sets as the rows of a sparse matrix: where each row starts, and its columns."""
        labels = labels.reshape(-1)
        sizes = self._sizes(labels)
        indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        _check(int(indptr[-1]))
        return indptr, self._gather(labels, sizes)

    def _union(self, a: Array, b: Array) -> Array:
        """Of pairs; where one set holds the other, its label is the label of both."""
        if a is b or (a.shape == b.shape and np.array_equal(a, b)):
            return a
        if a.size == b.size == 1:
            shape = np.broadcast_shapes(a.shape, b.shape)
            return np.full(shape, self._union_of_two(int(a.item()), int(b.item())))
        a, b = np.broadcast_arrays(a, b)
        result = np.where(a == 0, b, a)
        mixed = (a != b) & (a != 0) & (b != 0)
        if not mixed.any():
            return result
        low, high = np.minimum(a[mixed], b[mixed]), np.maximum(a[mixed], b[mixed])
        pairs, at = np.unique(low * len(self) + high, return_inverse=True)
        low, high = np.divmod(pairs, len(self))
        rows = np.arange(len(pairs))
        made = self._unite(np.concatenate([rows, rows]), np.concatenate([low, high]), len(pairs))
        sizes = self._sizes(made)
        made = np.where(sizes == self._sizes(low), low, made)
        made = np.where(sizes == self._sizes(high), high, made)
        result[mixed] = made[at]
        return result

    def _union_of_two(self, a: int, b: int) -> int:
        """The same for one pair: graphs of scalars have thousands."""
        sets = [self._members.array[slice(*self._starts.array[k : k + 2])] for k in (a, b)]
        both = _distinct(np.concatenate(sets))
        for label, members in zip((a, b), sets, strict=True):
            if len(members) == len(both):
                return label
        return int(self._add(np.array([len(both)]), both)[0])

    def _unite(self, owners: Array, labels: Array, count: int) -> Array:
        """New sets [count]: the unions of the sets of each owner, chunk by chunk."""
        order = np.argsort(owners, kind="stable")
        owners, labels = owners[order], labels[order]
        members = np.cumsum(np.bincount(owners, self._sizes(labels), count))
        starts = np.flatnonzero(np.diff(members // CHUNK, prepend=-1.0))
        result = np.empty(count, np.int64)
        for first, last in pairwise([*starts, count]):
            may_stop()
            mine = slice(*np.searchsorted(owners, [first, last]))
            result[first:last] = self._united(owners[mine] - first, labels[mine], last - first)
        return result

    def _united(self, owners: Array, labels: Array, count: int) -> Array:
        sizes = self._sizes(labels)
        rows = np.repeat(owners, sizes)
        keys = _distinct(rows * np.int64(self.size) + self._gather(labels, sizes))
        rows, members = np.divmod(keys, self.size)
        return self._add(np.bincount(rows, minlength=count), members)

    def _add(self, sizes: Array, members: Array) -> Array:
        first, end = len(self), len(self._members.array)
        _check(end + len(members))
        self._members.extend(members)
        self._starts.extend(end + np.cumsum(sizes))
        return np.arange(first, first + len(sizes))

    def _sizes(self, labels: Array) -> Array:
        starts = self._starts.array
        sizes: Array = starts[labels + 1] - starts[labels]
        return sizes

    def _gather(self, labels: Array, sizes: Array) -> Array:
        """The members of all these sets, one set after the other."""
        ends = np.cumsum(sizes)
        shifts = np.repeat(self._starts.array[labels] - ends + sizes, sizes)
        members: Array = self._members.array[shifts + np.arange(len(shifts))]
        return members


class _Growing:
    """An array that is extended in amortized constant time."""

    def __init__(self, array: Array) -> None:
        self._buffer, self.array = array, array

    def extend(self, more: Array) -> None:
        size = len(self.array)
        if size + len(more) > len(self._buffer):
            self._buffer = np.empty(2 * (size + len(more)), self._buffer.dtype)
            self._buffer[:size] = self.array
        self._buffer[size : size + len(more)] = more
        self.array = self._buffer[: size + len(more)]


def _distinct(keys: Array) -> Array:
    """Sorted, each once."""
    keys = np.sort(keys)
    first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=first[1:])
    distinct: Array = keys[first]
    return distinct


def _check(members: int) -> None:
    need, limit = BYTES_EACH * members, _MOST.get()
    if need > limit:
        raise LimitExceeded("memory_bytes", limit, need)


@contextmanager
def limited_to(nbytes: int) -> Iterator[None]:
    """Sets that are made in the block may need so many bytes; otherwise LimitExceeded."""
    token = _MOST.set(nbytes)
    try:
        yield
    finally:
        _MOST.reset(token)
