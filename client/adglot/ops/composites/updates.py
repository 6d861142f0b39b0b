"""x with new values at a key: what ``x[key] = value`` leaves behind, as a new value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adglot import ops
from adglot.errors import TracingError
from adglot.ir import Type
from adglot.ops import rules
from adglot.ops.composites.indexing import (
    basic_shape,
    entry_shape,
    full_spans,
    index_values,
    neighbours,
    sliced_by,
)
from adglot.ops.composites.keys import Key, Span, resolve
from adglot.ops.composites.shapes import permute
from adglot.ops.composites.support import Ints, constant, lift
from adglot.ops.core import Value


def setitem(x: Any, key: Any, value: Any) -> Value:
    """x after ``x[key] = value``, in O(1) nodes; the value is cast to the dtype of x.

    Keys are those of `getitem`; a mask of traced values takes a value that is the same for every
    place. Raises IndexError and ValueError as NumPy does, TracingError for a complex value in a
    real x.

    >>> from adglot.ir import Type
    >>> b = ops.Builder()
    >>> x = b.input(Type("float64", (3,)))
    >>> print(b.build([x], [setitem(x, 1, 5.0)]))
    f(%0 x0: float64[3]) {
      %1 = constant(value=5.) : float64[]
      %2 = reshape(%1, shape=[1]) : float64[1]
      %3 = constant(value=1) : int64[]
      %4 = dynamic_update_slice(%0, %2, %3) : float64[3]
      return y0=%4
    }
    """
    target, update = _stored(x, key, value)
    if isinstance(key, Value) and key.dtype.kind == "b":
        return _masked(target, key, update)
    resolved = resolve(key, target.shape)
    spans = full_spans(resolved, target.shape)
    if resolved.picked:
        block = _scattered(sliced_by(target, spans), resolved, update)
    else:
        shape = tuple(span.count for span in spans)
        block = rules.reshape(_broadcast(update, basic_shape(resolved)), shape)
    return _written(target, spans, block)


def _stored(x: Any, key: Any, value: Any) -> tuple[Value, Value]:
    """Both as Values, the value in the dtype of x."""
    parts = key if isinstance(key, tuple) else (key,)
    if not any(isinstance(v, Value) for v in (x, value, *parts)):
        raise TracingError("setitem needs a traced value")
    if not isinstance(value, Value) and isinstance(x, Value):
        value = np.asarray(value).astype(x.dtype, casting="unsafe")
    target, update, *_ = lift(x, value, *(p for p in parts if isinstance(p, Value)))
    if update.dtype.kind == "c" and target.dtype.kind != "c":
        raise TracingError(f"{update!r} does not fit in {target!r}: take its real part")
    return target, rules.convert(update, target.dtype)


def _broadcast(value: Value, shape: Ints) -> Value:
    """To a shape, leading axes of length 1 dropped as NumPy's assignment does."""
    extra = max(0, value.ndim - len(shape))
    if value.shape[:extra] != (1,) * extra:
        raise ValueError(f"could not broadcast from shape {value.shape} into shape {shape}")
    return rules.broadcast_to(rules.reshape(value, value.shape[extra:]), shape)


def _masked(x: Value, mask: Value, value: Value) -> Value:
    """Where a traced mask over the leading axes holds, the value, one for every place."""
    rest = x.shape[mask.ndim :]
    if mask.shape != x.shape[: mask.ndim]:
        raise IndexError(f"boolean index {mask!r} did not match indexed array {x!r}")
    if value.ndim > len(rest) and value.shape[: value.ndim - len(rest)] != (1,) * (
        value.ndim - len(rest)
    ):
        raise TracingError("a mask of traced values takes one value for all places: use np.where")
    wide = rules.reshape(mask, (*mask.shape, *(1,) * len(rest)))
    return ops.where(wide, _broadcast(value, rest), x)


def _scattered(block: Value, key: Key, value: Value) -> Value:
    """The block with the value at the picked places."""
    y = rules.reshape(block, entry_shape(key, block.shape))
    z, place = neighbours(y, key)
    indices = index_values(z, key)
    picks = np.broadcast_shapes(*(i.shape for i in indices))
    shape = (*z.shape[:place], *picks, *z.shape[place + len(indices) :])
    written = ops.scatter(z, _broadcast(value, shape), *indices, axis=place)
    order = [i for i in range(y.ndim) if i not in key.picked]
    order[place:place] = key.picked
    return rules.reshape(permute(written, np.argsort(order).tolist()), block.shape)


def _written(x: Value, spans: Sequence[Span], block: Value) -> Value:
    """x with a block, one element for each of the spans' places."""
    if block.size == 0:
        return x
    turned = tuple(i for i, span in enumerate(spans) if span.step < 0 and span.count > 1)
    block = ops.flip(block, axes=turned) if turned else block
    if block.shape == x.shape:
        return block
    starts = [min(s.start, s.start + (s.count - 1) * s.step) for s in spans]
    if all(abs(s.step) == 1 or s.count == 1 for s in spans):
        return ops.dynamic_update_slice(x, block, *(constant(x, np.int64(a)) for a in starts))
    return _interleaved(x, starts, [abs(s.step) for s in spans], block)


def _interleaved(x: Value, starts: Sequence[int], steps: Sequence[int], block: Value) -> Value:
    """x with a strided block."""
    high = tuple(
        n - a - (m - 1) * c - 1
        for n, a, m, c in zip(x.shape, starts, block.shape, steps, strict=True)
    )
    gaps = {"low": tuple(starts), "high": high, "interior": tuple(c - 1 for c in steps)}
    taken = ops.pad(rules.full(x, 1, Type("bool", block.shape)), **gaps)
    return ops.where(taken, ops.pad(block, **gaps), x)
