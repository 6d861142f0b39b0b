"""Sums over unit vectors, which programs of whole matrices are full of: one term is not zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from adglot.ir import Type
from adglot.ops import Value

if TYPE_CHECKING:
    from adglot_server.transforms.simplify import Simplifier as Emit


def masked_sum(emit: Emit, type: Type, x: Value, axes: tuple[int, ...]) -> Value | None:
    """sum(where(mask, 0, unit vectors)) is where(mask, 0, 1): exactly, as nothing is multiplied."""
    chosen = emit.definition(x, "where")
    if chosen is None or len(axes) != 1:
        return None
    mask, zero, units = chosen[0]
    right = mask.shape in ((), type.shape) and units.type == x.type and x.dtype == type.dtype
    if not right or emit.scalar_of(zero) != 0 or not _are_units(emit, units):
        return None
    one = emit("constant", value=np.ones((), type.dtype))
    narrow = emit("constant", value=np.zeros((), type.dtype))
    result = emit("where", mask, narrow, one)
    return result if result.type == type else emit("broadcast_to", result, shape=type.shape)


def _are_units(emit: Emit, x: Value) -> bool:
    """Whether x is the identity, made by comparing the numbers of rows and columns."""
    converted = emit.definition(x, "convert_element_type")
    same = emit.definition(converted[0][0], "equal") if converted else None
    if same is None or x.ndim != 2 or x.shape[0] != x.shape[1] or x.shape[0] == 1:
        return False
    rows, columns = same[0]
    down = emit.definition(rows, "reshape")
    counted = emit.definition(columns, "iota") is not None
    return counted and down is not None and down[0][0] is columns and rows.shape[1:] == (1,)
