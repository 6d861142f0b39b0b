"""Ops in the functions of HIPS autograd: one line each, what a user of it would call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.scipy import linalg, special
from autograd.scipy.stats import norm
from autograd.tracer import Box, getval

from adglot.ops.core import Array
from adglot_server.engines.autograd.lacks import REFUSALS
from adglot_server.engines.eager import control_flow
from adglot_server.engines.walk import Language

Ints = tuple[int, ...]


def concrete(x: Any) -> Array:
    """The number in all of its boxes."""
    while isinstance(x, Box):
        x = getval(x)
    return np.asarray(x)


def cast(x: Any, dtype: np.dtype[Any]) -> Any:
    """NumPy's astype; to a wider dtype by a product, which has a forward mode too."""
    if x.dtype == dtype:
        return x
    if dtype.kind not in "fc" or not isinstance(x, Box):
        return concrete(x).astype(dtype)
    return x * np.ones((), dtype) if np.can_cast(x.dtype, dtype) else x.astype(dtype)


def _alike(xs: Sequence[Any], shape: Ints | None = None) -> list[Any]:
    """Operands in one dtype and, if one is given, of one shape.

    Where autograd's own function broadcasts or promotes, its pullback forgets to undo it.
    """
    dtype = np.result_type(*(x.dtype for x in xs))
    if shape is None:
        return [cast(x, dtype) for x in xs]
    return [x if x.shape == shape else x * np.ones(shape, dtype) for x in _alike(xs)]


def _where(condition: Any, x1: Any, x2: Any) -> Any:
    shape = np.broadcast_shapes(condition.shape, x1.shape, x2.shape)
    return anp.where(concrete(condition), *_alike([x1, x2], shape))


def _xdivy(x1: Any, x2: Any) -> Any:
    both = concrete(x1 == 0) & concrete(x2 == 0)
    return _where(~both, x1 / _where(~both, x2, np.ones((), x2.dtype)), np.zeros((), x2.dtype))


# ------------------------------------------------------------------ along axes


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    """autograd takes no axis for all axes."""
    return lambda x, axes: function(x, axis=axes) if axes else x


def _along(x: Any, axis: int, index: Any) -> Any:
    return x[(*(np.s_[:],) * axis, index)]


def _cumulative_sum(x: Any, axis: int, reverse: bool) -> Any:
    if not reverse:
        return anp.cumsum(x, axis)
    return _along(anp.cumsum(_along(x, axis, np.s_[::-1]), axis), axis, np.s_[::-1])


def _linear_recurrence(a: Any, b: Any, axis: int, reverse: bool) -> Any:
    a, b = _alike([a, b])
    ys: list[Any] = []
    steps = range(a.shape[axis])
    for k in reversed(steps) if reverse else steps:
        term = _along(b, axis, k)
        ys.append(_along(a, axis, k) * ys[-1] + term if ys else term)
    return anp.stack(ys[::-1] if reverse else ys, axis)


def _sort(x: Any, axis: int) -> Any:
    """Stacks by their order: autograd differentiates sort for vectors only."""
    if x.ndim == 1:
        return anp.sort(x, axis)
    places = list(np.indices(x.shape, sparse=True))
    places[axis] = np.argsort(concrete(x), axis, kind="stable")
    return x[tuple(places)]


# ------------------------------------------------------------------ shapes and indices


def _flip(x: Any, axes: Ints) -> Any:
    return x[tuple(np.s_[::-1] if axis in axes else np.s_[:] for axis in range(x.ndim))]


def _slice(x: Any, start: Ints, stop: Ints, strides: Ints) -> Any:
    return x[tuple(map(slice, start, stop, strides))]


def _pad(x: Any, low: Ints, high: Ints, interior: Ints) -> Any:
    if not any(interior):
        return anp.pad(x, list(zip(low, high, strict=True)), "constant")
    sizes = zip(low, x.shape, interior, high, strict=True)
    inside = [slice(a, a + n + max(n - 1, 0) * i, i + 1) for a, n, i, _ in sizes]
    shape = [s.stop + b for s, b in zip(inside, high, strict=True)]
    source = np.full(shape, x.size)
    source[tuple(inside)] = np.arange(x.size).reshape(x.shape)
    return anp.concatenate([x.ravel(), np.zeros(1, x.dtype)])[source]


def _at(indices: Sequence[Any], axis: int) -> tuple[Any, ...]:
    return (*(np.s_[:],) * axis, *map(concrete, indices))


def _written(x: Any, updates: Any, place: Any) -> Any:
    """x with updates at a place: autograd has no assignment, so what is there is gathered."""
    source = np.arange(x.size).reshape(x.shape)
    source[place] = x.size + np.arange(updates.size).reshape(updates.shape)
    return anp.concatenate([x.ravel(), updates.ravel()])[source]


def _scatter_add(x: Any, updates: Any, *indices: Any, axis: int) -> Any:
    """One addition for each time that the most frequent place stands there."""
    cells = np.arange(x.size).reshape(x.shape)[_at(indices, axis)].ravel()
    padded, y = anp.concatenate([updates.ravel(), np.zeros(1, x.dtype)]), x.ravel()
    left = np.arange(len(cells))
    while len(left):
        source = np.full(x.size, len(cells))
        source[cells[left]] = left
        y = y + padded[source]
        left = left[source[cells[left]] != left]
    return anp.reshape(y, x.shape)


def _block(x: Any, starts: Sequence[Any], sizes: Ints) -> tuple[slice, ...]:
    block = []
    for axis, (n, start, m) in enumerate(zip(x.shape, map(concrete, starts), sizes, strict=True)):
        first = int(start) + n if start < 0 else int(start)
        if not 0 <= first <= n - m:
            raise IndexError(f"{m} from {start} on is out of bounds for axis {axis} with size {n}")
        block.append(slice(first, first + m))
    return tuple(block)


# ------------------------------------------------------------------ matrices


def _solve(a: Any, b: Any) -> Any:
    columns = b[:, None] if b.ndim == 1 else b
    lead = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    (matrices,) = _alike([a], (*lead, *a.shape[-2:]))
    (columns,) = _alike([columns], (*lead, *columns.shape[-2:]))
    x = anp.linalg.solve(*_alike([matrices, columns]))
    return x[..., 0] if b.ndim == 1 else x


def _parts(function: Callable[..., Any], count: int, **how: Any) -> Callable[..., Any]:
    """A function of a matrix with several results, which autograd boxes together."""

    def parts(a: Any) -> list[Any]:
        results = function(a, **how)
        return [results[k] for k in range(count)]

    return parts


def _solve_triangular(a: Any, b: Any, lower: bool, adjoint: bool, unit_diagonal: bool) -> Any:
    trans = "C" if adjoint else "N"
    return linalg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit_diagonal)


TABLE: dict[str, Callable[..., Any]] = {
    # elementwise
    "abs": anp.abs,
    "acos": anp.arccos,
    "acosh": anp.arccosh,
    "add": anp.add,
    "asin": anp.arcsin,
    "asinh": anp.arcsinh,
    "atan": anp.arctan,
    "atan2": anp.arctan2,
    "atanh": anp.arctanh,
    "ceil": anp.ceil,
    "conj": anp.conj,
    "cos": anp.cos,
    "cosh": anp.cosh,
    "divide": anp.divide,
    "equal": anp.equal,
    "exp": anp.exp,
    "expm1": anp.expm1,
    "floor": anp.floor,
    "floor_divide": anp.floor_divide,
    "greater": anp.greater,
    "greater_equal": anp.greater_equal,
    "hypot": anp.hypot,
    "imag": anp.imag,
    "isfinite": anp.isfinite,
    "less": anp.less,
    "less_equal": anp.less_equal,
    "log": anp.log,
    "log1p": anp.log1p,
    "logaddexp": anp.logaddexp,
    "logical_and": anp.logical_and,
    "logical_not": anp.logical_not,
    "logical_or": anp.logical_or,
    "logical_xor": lambda x1, x2: np.logical_xor(concrete(x1), concrete(x2)),
    "maximum": anp.maximum,
    "minimum": anp.minimum,
    "multiply": anp.multiply,
    "negative": anp.negative,
    "not_equal": anp.not_equal,
    "pow": anp.power,
    "real": anp.real,
    "remainder": anp.remainder,
    "round": anp.round,
    "sign": anp.sign,
    "sin": anp.sin,
    "sinh": anp.sinh,
    "sqrt": anp.sqrt,
    "subtract": anp.subtract,
    "tan": anp.tan,
    "tanh": anp.tanh,
    "trunc": anp.trunc,
    "where": _where,
    # special functions
    "special.digamma": special.digamma,
    "special.erf": special.erf,
    "special.erfc": special.erfc,
    "special.erfinv": special.erfinv,
    "special.expit": special.expit,
    "special.gamma": special.gamma,
    "special.gammaln": special.gammaln,
    "special.iv": lambda x, order: special.iv(order, x),
    "special.ive": lambda x, order: special.ive(order, x),
    "special.jv": lambda x, order: special.jn(order, x),
    "special.log_ndtr": norm.logcdf,
    "special.polygamma": lambda x, order: special.polygamma(order, x),
    "special.xdivy": _xdivy,
    "special.yv": lambda x, order: special.yn(int(order), x),
    # reductions and runs along an axis
    "all": lambda x, axes: np.all(concrete(x), axis=axes),
    "any": lambda x, axes: np.any(concrete(x), axis=axes),
    "argmax": lambda x, axis: anp.argmax(x, axis),
    "argmin": lambda x, axis: anp.argmin(x, axis),
    "argsort": lambda x, axis: anp.argsort(x, axis, kind="stable"),
    "cumulative_sum": _cumulative_sum,
    "linear_recurrence": _linear_recurrence,
    "max": _reduced(anp.max),
    "min": _reduced(anp.min),
    "prod": _reduced(anp.prod),
    "sort": _sort,
    "sum": _reduced(anp.sum),
    # shapes
    "broadcast_to": lambda x, shape: _alike([x], shape)[0],
    "concat": lambda *xs, axis: anp.concatenate(_alike(xs), axis),
    "flip": _flip,
    "pad": _pad,
    "permute_dims": lambda x, axes: anp.transpose(x, axes),
    "reshape": lambda x, shape: anp.reshape(x, shape),
    "slice": _slice,
    "tril": lambda x, diagonal: anp.tril(x, diagonal),
    "triu": lambda x, diagonal: anp.triu(x, diagonal),
    # indices
    "dynamic_slice": lambda x, *starts, sizes: x[_block(x, starts, sizes)],
    "dynamic_update_slice": lambda x, u, *starts: _written(x, u, _block(x, starts, u.shape)),
    "scatter": lambda x, u, *indices, axis: _written(x, u, _at(indices, axis)),
    "scatter_add": _scatter_add,
    "take": lambda x, *indices, axis: x[_at(indices, axis)],
    # matrices
    "linalg.cholesky": anp.linalg.cholesky,
    "linalg.det": anp.linalg.det,
    "linalg.eig": _parts(anp.linalg.eig, 2),
    "linalg.eigh": _parts(anp.linalg.eigh, 2),
    "linalg.inv": anp.linalg.inv,
    "linalg.slogdet": _parts(anp.linalg.slogdet, 2),
    "linalg.solve": _solve,
    "linalg.svd": _parts(anp.linalg.svd, 3, full_matrices=False),
    "linalg.triangular_solve": _solve_triangular,
    "matmul": anp.matmul,
    **control_flow(lambda x: bool(concrete(x)), anp.stack, np.asarray),
}

LANGUAGE = Language(
    package="autograd",
    table=TABLE,
    constant=np.asarray,
    cast=cast,
    refusals=REFUSALS,
    promotes=True,
)
