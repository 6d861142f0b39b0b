"""Directional derivatives by differences in arithmetic of many digits, with error estimates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from adglot_server.engines.derived import Arrays, Function, Pushed
from adglot_server.engines.extended.arithmetic import CTX, as_objects, each, largest, lift


def central(function: Function, x: Arrays, v: Arrays, noise: Arrays | None = None) -> Pushed:
    """(f(x + hv) - f(x - hv)) / 2h; the error is how far the two one-sided ones are apart.

    That is O(h) where f is smooth, the jump of the derivative at a kink, and infinite at a jump.
    """
    h = _step(x, v, nested=noise is not None)
    ahead, here, behind = (_along(function, x, v, t) for t in (h, CTX.zero, -h))
    ends = list(zip(ahead, here, behind, strict=True))
    tangents = [as_objects(_difference(a, c) / (2 * h)) for a, _, c in ends]
    jumps = [abs(_difference(a, b) - _difference(b, c)) / h for a, b, c in ends]
    return Pushed(tangents, list(map(as_objects, jumps)))


def one_sided(function: Function, x: Arrays, v: Arrays, noise: Arrays | None = None) -> Pushed:
    """(f(x + hv) - f(x)) / h for h > 0, which has a limit at a kink, too.

    The error is how far it is from the same with half of the step.
    """
    h = _step(x, v, nested=noise is not None)
    far, near, here = (_along(function, x, v, t) for t in (h, h / 2, CTX.zero))
    ends = list(zip(far, near, here, strict=True))
    tangents = [as_objects(_difference(b, c) / (h / 2)) for _, b, c in ends]
    moved = [abs(t - _difference(a, c) / h) for t, (a, _, c) in zip(tangents, ends, strict=True)]
    return Pushed(tangents, list(map(as_objects, moved)))


@partial(each, count=2)
def _difference(a: Any, b: Any) -> Any:
    """Of what did not move it is 0, be it infinite."""
    return CTX.zero if a == b else a - b


def digits_needed(values: Arrays, order: int) -> int:
    """How many digits leave twenty of an order's derivatives, f computed by way of these values.

    Values of size L are rounded at L 10**-digits, and differences divide by steps of
    10**-(digits / 3).
    """
    size = min(int(CTX.log10(1 + largest(values))), LARGEST)
    return DIGITS[order] + 3 * size // 2


DIGITS = {0: 40, 1: 60, 2: 120}
"""For derivatives of each order of functions of moderate size."""

LARGEST = 400
"""The size, as a power of ten, up to which digits are added: beyond what doubles are."""


def _step(x: Arrays, v: Arrays, *, nested: bool) -> Any:
    """About a third of the digits; of differences of differences the outer ones take a sixth.

    So the inner ones see no more of the function than what is smooth to the outer ones.
    """
    if not all(CTX.isfinite(z) for z, t in _pairs(x, v) if t != 0):
        return CTX.nan  # nothing moves an infinite number
    digits = CTX.dps // (6 if nested else 3)
    size = max(CTX.one, largest([lift(a) for a in x]))
    return CTX.mpf(10) ** -digits * size / (largest([lift(a) for a in v]) or 1)


def _pairs(x: Arrays, v: Arrays) -> Iterator[tuple[Any, Any]]:
    for a, t in zip(x, v, strict=True):
        yield from zip(a.flat, t.flat, strict=True)


def _along(function: Function, x: Sequence[Any], v: Sequence[Any], t: Any) -> Arrays:
    moved = [as_objects(lift(a) + t * lift(b)) for a, b in zip(x, v, strict=True)]
    with np.errstate(all="ignore"):
        return function(moved)
