"""Keep NaN and Inf of a branch that `where` did not take out of the cotangents.

The transpose of ``where(c, x, y)`` sends zeros into the untaken branch. There a rule multiplies
them by partial derivatives that may be Inf or NaN, and 0 * Inf is NaN (JAX's FAQ "gradients
contain NaN where using where" asks users to write two wheres). So the mask travels with the
cotangent, and is applied again behind every elementwise op that multiplies; an op that mixes
components (matmul, cumulative_sum) ends it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from adglot.ops import TABLE, Linear, Placed, Value, rules
from adglot.ops.core import Record

ONLY_MOVE = frozenset({"reshape", "permute_dims", "flip", "sum", "broadcast_to"})
"""Ops whose transpose takes a mask to a mask when it adds nothing up."""

NO_FACTOR = frozenset({"add", "subtract", "negative", "real", "conj", "convert_element_type"})
"""Elementwise ops whose transpose cannot turn a zero into a NaN."""

FACTOR = frozenset({"multiply", "divide", "special.xdivy", "imag"})
"""Elementwise ops whose transpose multiplies."""


class Masks:
    """Which cotangents are zero outside a mask, by the index of the value."""

    def __init__(self) -> None:
        self._of: dict[int, Value] = {}

    def carry(
        self,
        record: Record,
        cts: Sequence[Value | None],
        operands: Sequence[Value | Linear],
        pulled: Sequence[Value | Placed | None],
    ) -> Sequence[Value | Placed | None]:
        """The pulled cotangents, masked as those of the outputs were."""
        mask = self._of.get(cts[0].index) if len(cts) == 1 and cts[0] is not None else None
        if record.op.name == "where":
            self._begin(record, mask, pulled)
            return pulled
        if mask is None:
            return pulled
        if record.op.name in ONLY_MOVE:
            self._move(record, mask, operands, pulled)
        if record.op.name not in NO_FACTOR | FACTOR:
            return pulled
        return [
            self._mask(record, ct, mask) if isinstance(ct, Value) and ct.shape == mask.shape else ct
            for ct in pulled
        ]

    def join(self, parts: Sequence[Value | Placed], total: Value) -> Value:
        """The sum of parts: it is zero outside all their masks, if every part has one."""
        masks = {id(part): self._of.get(part.index) for part in parts if isinstance(part, Value)}
        known = {mask.index: mask for mask in masks.values() if mask is not None}
        if len(masks) == len(parts) and None not in masks.values():
            self._of[total.index] = reduce(TABLE["logical_or"], known.values())
        return total

    def _begin(
        self, record: Record, outer: Value | None, pulled: Sequence[Value | Placed | None]
    ) -> None:
        condition = record.operands[0]
        for k, ct in enumerate(pulled):
            if isinstance(ct, Value) and ct.shape == record.outputs[0].shape:
                taken = condition if k == 1 else TABLE["logical_not"](condition)
                both = taken if outer is None else TABLE["logical_and"](outer, taken)
                self._of[ct.index] = rules.broadcast_to(both, ct.shape)

    def _mask(self, record: Record, ct: Value, mask: Value) -> Value:
        if record.op.name in FACTOR:
            ct = TABLE["where"](mask, ct, rules.zeros(ct, ct.type.with_shape(())))
        self._of[ct.index] = mask
        return ct

    def _move(
        self,
        record: Record,
        mask: Value,
        operands: Sequence[Value | Linear],
        pulled: Sequence[Value | Placed | None],
    ) -> None:
        (ct,) = pulled
        if not isinstance(ct, Value) or ct.size < mask.size:
            return
        (moved,) = record.op.transpose((mask,), _as_bool(operands), **record.attributes)  # type: ignore[operator]
        self._of[ct.index] = moved


def _as_bool(operands: Sequence[Value | Linear]) -> list[Value | Linear]:
    return [Linear(x.type.with_dtype("bool")) if isinstance(x, Linear) else x for x in operands]
