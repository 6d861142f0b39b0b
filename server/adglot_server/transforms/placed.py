"""Add up cotangents that are dense, or zero but for a block (`Placed`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from adglot.ir import Type
from adglot.ops import TABLE, Placed, Value, rules
from adglot.ops.core import Array

FEW = 4
"""Up to so many blocks are padded and added; more are scattered in one go."""


def combine(parts: Sequence[Value | Placed], type: Type) -> Value:
    """The sum of the parts, in time linear in their sizes."""
    if len(parts) == 1 and isinstance(parts[0], Value):
        return parts[0]
    dense = [part for part in parts if isinstance(part, Value)]
    blocks = [part for part in parts if isinstance(part, Placed)]
    filled = sum(block.value.size for block in blocks)
    if len(blocks) > FEW and len(blocks) * type.size > 2 * (filled + type.size):
        dense.append(_scatter(blocks, type))
    else:
        dense += [_pad(block) for block in blocks]
    return reduce(lambda a, b: a + b, dense)


def _pad(block: Placed) -> Value:
    shape = block.value.shape
    spans = [
        (n - 1) * stride + 1 if n else 0 for n, stride in zip(shape, block.strides, strict=True)
    ]
    high = tuple(
        length - start - span
        for length, start, span in zip(block.type.shape, block.start, spans, strict=True)
    )
    if not any((*block.start, *high)) and shape == block.type.shape:
        return block.value
    interior = tuple(
        stride - 1 if n > 1 else 0 for n, stride in zip(shape, block.strides, strict=True)
    )
    return TABLE["pad"](block.value, low=block.start, high=high, interior=interior)


def _scatter(blocks: Sequence[Placed], type: Type) -> Value:
    like = blocks[0].value
    updates = TABLE["concat"](
        *(rules.reshape(block.value, (block.value.size,)) for block in blocks), axis=0
    )
    indices = np.concatenate([_flat_indices(block) for block in blocks])
    base = rules.zeros(like, Type(type.dtype, (type.size,)))
    return rules.reshape(TABLE["scatter_add"](base, updates, indices, axis=0), type.shape)


def _flat_indices(block: Placed) -> Array:
    """Row-major positions of a block's elements in the whole array."""
    index = np.zeros((), np.int64)
    for n, start, stride, length in zip(
        block.value.shape, block.start, block.strides, block.type.shape, strict=True
    ):
        index = index[..., None] * length + (start + stride * np.arange(n))
    return index.reshape(-1)
