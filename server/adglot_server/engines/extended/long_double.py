"""The fast stage: Ridders' extrapolation in NumPy's long double, where that is enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from adglot.ops import TABLE
from adglot.ops.core import Array
from adglot_server.engines.derived import Arrays, Function, Pushed
from adglot_server.engines.eager import control_flow
from adglot_server.engines.walk import Language

REAL, COMPLEX = np.longdouble, np.clongdouble
EPS = float(np.finfo(REAL).eps)

STEPS = [REAL(2) ** -k for k in range(2, 10)]
"""Relative to the point's size: analytic functions leave 1e-17 after six, cancellation as much."""

ODD = REAL("0.7310585786300048793")
"""No round number, lest steps are whole periods of f."""


KNOWN = 1e-12
"""Of one-sided derivatives, relative to the largest component: they are rarely off by as much."""


def cast(x: Any, dtype: np.dtype[Any]) -> Array:
    """``x.astype(dtype)``, all floats as long double."""
    target: Any = {"f": REAL, "c": COMPLEX}.get(dtype.kind, dtype)
    return np.asarray(x, target)


def lift(x: Any) -> Array:
    """An array in long double; bools and integers as they are."""
    return cast(x, np.asarray(x).dtype)


def _is_wide(name: str) -> bool:
    """Whether NumPy computes the op with all digits; LAPACK and SciPy know double only."""
    return not TABLE[name].higher_order and not name.startswith(("linalg.", "special."))


LANGUAGE = Language(
    package="NumPy's long double",
    table={
        **{name: op.evaluate for name, op in TABLE.items() if _is_wide(name)},
        **control_flow(bool, np.stack, lift),
    },
    constant=lift,
    cast=cast,
)


def central(
    function: Function, x: Arrays, v: Arrays, noise: Arrays | None = None, *, rounding: Any
) -> Pushed:
    """Central differences along v, extrapolated; infinite errors where f is not smooth.

    `rounding` bounds that of f's outputs.
    """
    scale = ODD * (largest(x) or REAL(1)) / (largest(v) or REAL(1))
    here = function(_moved(x, v, REAL(0)))
    rows = [
        (h * scale, function(_moved(x, v, h * scale)), function(_moved(x, v, -h * scale)))
        for h in STEPS
    ]
    pushed = [
        _extrapolated(y, [(h, ahead[k], behind[k]) for h, ahead, behind in rows], rounding)
        for k, y in enumerate(here)
    ]
    return Pushed([value for value, _ in pushed], [error for _, error in pushed])


def largest(arrays: Sequence[Array]) -> Any:
    """The largest finite magnitude in these arrays, 0 if there is none."""
    sizes = [abs(lift(a)) for a in arrays if a.dtype.kind in "fc"]
    return max((np.max(size[np.isfinite(size)], initial=REAL(0)) for size in sizes), default=0)


def _moved(x: Arrays, v: Arrays, t: Any) -> Arrays:
    return [np.asarray(lift(a) + t * lift(b)) for a, b in zip(x, v, strict=True)]


Rows = list[tuple[Any, Array, Array]]
"""Steps, and the values ahead and behind."""


def _extrapolated(here: Array, rows: Rows, rounding: Any) -> tuple[Array, Array]:
    symmetric = [(h, (ahead - behind) / (2 * h)) for h, ahead, behind in rows]
    value, error = _ridders(symmetric, rounding, 4)
    right = _ridders([(h, (ahead - here) / h) for h, ahead, _ in rows], rounding, 2)
    left = _ridders([(h, (here - behind) / h) for h, _, behind in rows], rounding, 2)
    smooth = _agrees(value, error, *right) & _agrees(value, error, *left)
    return value, np.where(smooth, error, np.inf)


def _agrees(value: Array, error: Array, side: Array, doubt: Array) -> Array:
    """Whether a one-sided derivative is well known, and as near as the errors say."""
    known = doubt <= KNOWN * np.max(abs(value), initial=REAL(0))
    return np.asarray(known & (abs(value - side) <= 10 * (error + doubt)))


def _ridders(rows: list[tuple[Any, Array]], rounding: Any, base: int) -> tuple[Array, Array]:
    """Of every component the tableau's entry with the least error; base is 2**order of a step.

    Source: Ridders, Accurate computation of F'(x) and F'(x) F''(x) (1982).
    """
    best = np.full(rows[0][1].shape, np.nan, rows[0][1].dtype)
    error = np.full(best.shape, np.inf, REAL)
    above: list[Array] = []
    for h, quotient in rows:
        row = [quotient]
        for entry, old in _next_entries(row, above, base):
            doubt = np.maximum(abs(entry - row[-1]), abs(entry - old)) + 2 * rounding / h
            best, error = np.where(doubt < error, entry, best), np.fmin(doubt, error)
            row.append(entry)
        above = row
    return best, error


def _next_entries(row: list[Array], above: list[Array], base: int) -> Iterator[tuple[Array, Array]]:
    for j, old in enumerate(above, 1):
        yield row[-1] + (row[-1] - old) / REAL(base**j - 1), old
