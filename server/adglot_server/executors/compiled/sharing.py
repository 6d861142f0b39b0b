"""Save work among scalars: one reciprocal for several divisions, one look for many numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from adglot_server.executors.compiled.scalars import Scalar, Scalars

JUMPS = (
    *("sign", "floor", "ceil", "trunc", "round", "floor_divide", "remainder", "isfinite"),
    *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    *("logical_and", "logical_or", "logical_xor", "logical_not", "convert_element_type"),
)
"""Ops whose results jump, some of them or at some numbers."""

TELLING = ("add", "subtract", "multiply", "negative", "sqrt")
"""Ops whose results are finite where all operands are, and nowhere else but for overflow."""


def share(scalars: Scalars, results: Iterable[int]) -> None:
    """Rewrite what these need, and what has to be looked at.

    What some jump depends on stays as it is: a rounding more could be seen.
    """
    live = _below(scalars, [*results, *scalars.checked()])
    jumps = [x for k in live if scalars[k].what in JUMPS for x in scalars[k].operands]
    exact = _below(scalars, [*jumps, *(k for k, _ in scalars.expected)])
    divisions = [k for k in sorted(live - exact) if scalars[k].what == "divide"]
    _share_reciprocals(scalars, divisions)
    _share_looks(scalars)


def _below(scalars: Scalars, roots: Iterable[int]) -> set[int]:
    """These and all that they are computed from."""
    found: set[int] = set()
    pending = list(roots)
    while pending:
        k = pending.pop()
        if k not in found:
            found.add(k)
            pending += scalars[k].operands
    return found


def _share_reciprocals(scalars: Scalars, divisions: list[int]) -> None:
    """Make products of divisions by the same number."""
    counted = Counter(scalars[k].operands[1] for k in divisions)
    for k in divisions:
        x, y = scalars[k].operands
        if counted[y] > 1 and (one := scalars.reciprocal(y)) != k:
            scalars.all[k] = Scalar("apply", scalars[k].element, "multiply", (x, one))


def _share_looks(scalars: Scalars) -> None:
    """Do not look at a number where another one tells what it is."""
    told = {scalars[k].operands[1] for k in scalars.normal}
    scalars.nonzero = {k: None for k in scalars.nonzero if k not in told}
    pending = [*scalars.finite, *scalars.normal, *told]
    while pending:
        new = [x for x in _told(scalars[pending.pop()]) if x not in told]
        told.update(new)
        pending += new
    scalars.finite = {k: None for k in scalars.finite if k not in told}


def _told(scalar: Scalar) -> tuple[int, ...]:
    """Operands that are finite where this is."""
    if scalar.what in TELLING:
        return scalar.operands
    return scalar.operands[:1] if scalar.what == "divide" else ()
