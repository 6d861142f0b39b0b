"""Keep NaN and Inf of a branch that `where` did not take out of the cotangents.

The transpose of ``where(c, x, y)`` sends zeros into the untaken branch. There a rule multiplies
them by partial derivatives that may be Inf or NaN, and 0 * Inf is NaN (JAX's FAQ "gradients
contain NaN where using where" asks users to write two wheres). So the mask travels with the
cotangent, and is applied again behind every elementwise op that multiplies; an op that mixes
components (matmul, cumulative_sum) ends it.

The derivatives of maximum and minimum choose by `where` too. Theirs are lenient masks: a factor
that is finite at all finite points, such as a polynomial, goes unmasked, else the pullback of a
long chain of them would cost more than four functions. What the user's own `where` leaves out is
always masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

import numpy as np

from adglot.ops import TABLE, Linear, Placed, Value, rules
from adglot.ops.core import Record

ONLY_MOVE = frozenset({"reshape", "permute_dims", "flip", "sum", "broadcast_to"})
"""Ops whose transpose takes a mask to a mask when it adds nothing up."""

NO_FACTOR = frozenset({"add", "subtract", "negative", "real", "conj", "convert_element_type"})
"""Elementwise ops whose transpose cannot turn a zero into a NaN."""

FACTOR = frozenset({"multiply", "divide", "special.xdivy", "imag"})
"""Elementwise ops whose transpose multiplies."""

TRIANGLES = frozenset({"tril", "triu"})
"""Ops that choose between their operand and zero, as `where` does."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Where a cotangent may differ from zero; `strict` if every factor is to be masked."""

    value: Value
    strict: bool


class Masks:
    """Which cotangents are zero outside a mask, by the index of the value."""

    def __init__(self, records: Sequence[Record], unknown: Iterable[int] = ()) -> None:
        self._of: dict[int, Mask] = {}
        self._records, self._unknown = records[:], unknown

    @cached_property
    def _wild(self) -> set[int]:
        return _wild(self._records, self._unknown)

    @cached_property
    def _lenient(self) -> set[int]:
        return _choices_of_extrema(self._records)

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
        if record.op.name in TRIANGLES:
            self._keep_triangle(record, mask, pulled)
            return pulled
        if mask is None:
            return pulled
        if record.op.name in ONLY_MOVE:
            self._move(record, mask, operands, pulled)
        if record.op.name not in NO_FACTOR | FACTOR:
            return pulled
        multiplied = record.op.name in FACTOR and self._may_spoil(record, mask, operands)
        return [
            self._mask(ct, mask, multiplied)
            if isinstance(ct, Value) and ct.shape == mask.value.shape
            else ct
            for ct in pulled
        ]

    def join(self, parts: Sequence[Value | Placed], total: Value) -> Value:
        """The sum of parts: it is zero outside all their masks, if every part has one."""
        if not self._of:
            return total
        masks = {id(part): self._of.get(part.index) for part in parts if isinstance(part, Value)}
        known = {mask.value.index: mask for mask in masks.values() if mask is not None}
        if len(masks) == len(parts) and None not in masks.values():
            either = reduce(TABLE["logical_or"], (mask.value for mask in known.values()))
            self._of[total.index] = Mask(either, any(mask.strict for mask in known.values()))
        return total

    def _begin(
        self, record: Record, outer: Mask | None, pulled: Sequence[Value | Placed | None]
    ) -> None:
        condition = record.operands[0]
        strict = condition.index not in self._lenient
        for k, ct in enumerate(pulled):
            if isinstance(ct, Value) and ct.shape == record.outputs[0].shape:
                taken = condition if k == 1 else TABLE["logical_not"](condition)
                self._of[ct.index] = _both(outer, rules.broadcast_to(taken, ct.shape), strict)

    def _keep_triangle(
        self, record: Record, outer: Mask | None, pulled: Sequence[Value | Placed | None]
    ) -> None:
        (ct,) = pulled
        if isinstance(ct, Value):
            everywhere = rules.full(ct, True, ct.type.with_dtype("bool"))
            inside = TABLE[record.op.name](everywhere, **record.attributes)
            self._of[ct.index] = _both(outer, inside, strict=True)

    def _may_spoil(self, record: Record, mask: Mask, operands: Sequence[Value | Linear]) -> bool:
        """Whether a factor may be Inf or NaN outside of the mask."""
        if mask.strict or record.op.name != "multiply":
            return True
        return any(x.index in self._wild for x in operands if isinstance(x, Value))

    def _mask(self, ct: Value, mask: Mask, multiplied: bool) -> Value:
        if multiplied:
            ct = TABLE["where"](mask.value, ct, rules.zeros(ct, ct.type.with_shape(())))
        self._of[ct.index] = mask
        return ct

    def _move(
        self,
        record: Record,
        mask: Mask,
        operands: Sequence[Value | Linear],
        pulled: Sequence[Value | Placed | None],
    ) -> None:
        (ct,) = pulled
        if not isinstance(ct, Value) or ct.size < mask.value.size:
            return
        cts, linear = (mask.value,), _as_bool(operands)
        (moved,) = record.op.transpose(cts, linear, **record.attributes)  # type: ignore[operator]
        self._of[ct.index] = Mask(moved, mask.strict)


def _as_bool(operands: Sequence[Value | Linear]) -> list[Value | Linear]:
    return [Linear(x.type.with_dtype("bool")) if isinstance(x, Linear) else x for x in operands]


def _both(outer: Mask | None, taken: Value, strict: bool) -> Mask:
    if outer is None:
        return Mask(taken, strict)
    return Mask(TABLE["logical_and"](outer.value, taken), strict or outer.strict)


def _wild(records: Iterable[Record], unknown: Iterable[int]) -> set[int]:
    """The values that may be Inf or NaN at finite inputs; those of `unknown` always may."""
    found = set(unknown)
    for record in records:
        if record.op.name == "constant":
            tame = bool(np.all(np.isfinite(record.attributes["value"])))  # type: ignore[arg-type]
        else:
            tame = record.op.finite and all(x.index not in found for x in record.operands)
        if not tame:
            found.update(y.index for y in record.outputs)
    return found


def _choices_of_extrema(records: Iterable[Record]) -> set[int]:
    """The comparisons of the operands of a maximum or minimum with each other."""
    chosen = {
        frozenset(x.index for x in record.operands)
        for record in records
        if record.op.name in ("maximum", "minimum")
    }
    return {
        record.outputs[0].index
        for record in records
        if record.op.name in ("less_equal", "greater_equal")
        and frozenset(x.index for x in record.operands) in chosen
    }
